"""From a composer's rows to notes: a partial a step with what sounds, a final a bar with its notes.

`kind = "notes"` in a card's [reader]. A word is a note, named like F#4, from the step where it began;
a note ends where its voice changes. Notes are emitted as composed, before any transposition.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from streamer.models.music.notation import Voice, note_name
from streamer.models.options import converted
from streamer.models.readers import Event, EventAlternative, EventWord, Kind
from streamer.models.readers.rowwise import RowState, RowStates, RowwiseReader

COLUMNS = 3  # of a voice: symbol, log-probability, likeliest symbol


class NotesCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a card's [reader] may set."""

    bar_steps: Annotated[int, msgspec.Meta(ge=1, le=192)] = 16


class ChosenNote(msgspec.Struct, array_like=True):
    """A symbol of a voice, the steps where it stood, and its probability when it was chosen."""

    voice: int
    symbol: int
    start: int
    end: int
    confidence: float


class NotesState(RowState):
    """The state of one stream."""

    finals_through: int = 0  # the steps that the finals so far have told
    sounding: list[ChosenNote] = msgspec.field(default_factory=list)
    bar: list[ChosenNote] = msgspec.field(default_factory=list)  # that ended in this bar


class NotesReader(RowwiseReader[NotesState, tuple[list[int], list[float]]]):
    """Reads a composer's rows, [B, n, 3 * voices]."""

    def __init__(self, voices: Sequence[Voice], options: dict[str, Any], rows: int):
        self.card = converted(options, NotesCardOptions, "reader")
        self.voices = tuple(voices)
        self.rows = RowStates(NotesState, rows)

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = NotesState(options["partials"])

    def prepared(self, outputs: np.ndarray) -> list[list[tuple[list[int], list[float]]]]:
        """The symbol of each voice and its probability when it was chosen, step by step."""
        symbols = outputs[..., 0::COLUMNS].astype(np.int64).tolist()
        confidences = np.exp(np.minimum(0.0, outputs[..., 1::COLUMNS])).tolist()
        return [list(zip(*stream)) for stream in zip(symbols, confidences)]

    def step(self, state: NotesState, output: tuple[list[int], list[float]]) -> list[Event]:
        """What sounds in this step, and the final of a bar that it completes."""
        before = {note.voice: note for note in state.sounding}
        sounding = []
        for voice, (symbol, confidence) in enumerate(zip(*output)):
            note = before.get(voice)
            if note is None or note.symbol != symbol:
                if note is not None and note.symbol:
                    state.bar.append(note)
                note = ChosenNote(voice, symbol, state.through, state.through, confidence)
            note.end = state.through + 1
            sounding.append(note)
        state.sounding, state.through = sounding, state.through + 1
        events = []
        if state.partials:
            events.append(self._event("partial", state, [note for note in sounding if note.symbol]))
        if state.through % self.card.bar_steps == 0:
            events += self.end(state)
        return events

    def end(self, state: NotesState) -> list[Event]:
        """The final with all notes that sounded since the last one, a held note in each of its bars."""
        notes = state.bar
        if state.through > state.finals_through:  # else the notes that sound on were in the last final
            notes = notes + [note for note in state.sounding if note.symbol]
        state.bar, state.finals_through = [], state.through
        if not notes:
            return []
        notes.sort(key=lambda note: (note.start, note.voice))
        event = self._event("final", state, notes)
        state.utterance += 1
        return [event]

    def _event(self, kind: Kind, state: NotesState, notes: Sequence[ChosenNote]) -> Event:
        words = tuple(
            EventWord(note_name(pitch), float(note.start), float(note.end), note.confidence, voice.name)
            for note in notes
            for voice in (self.voices[note.voice],)
            for pitch in voice.notes(note.symbol)
        )
        text = " ".join(word.text for word in words)
        confidence = float(np.mean([word.confidence for word in words])) if words else 1.0
        alternative = EventAlternative(text, words, confidence)
        return Event(kind, state.utterance, state.through, (alternative,), len(text))
