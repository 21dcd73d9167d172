"""From a composer's rows to notes: a partial a step with what sounds, a final a bar with its notes.

`kind = "notes"` in a card's [reader]. A word is a note, named like F#4, from the step where it began;
a note ends where its voice changes. Notes are told as composed, before any transposition.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from streamer.models.music.notation import Voice, note_name
from streamer.models.readers import Alternative, Event, Word
from streamer.models.readers.converted import converted

TOLD = 3  # columns of a voice: symbol, log-probability, likeliest symbol


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a card's [reader] may set."""

    bar_steps: Annotated[int, msgspec.Meta(ge=1, le=192)] = 16


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stream may set."""

    partials: bool = True


class Note(msgspec.Struct, array_like=True):
    """A symbol of a voice, the steps where it stood, and its probability when it was chosen."""

    voice: int
    symbol: int
    start: int
    end: int
    confidence: float


class Row(msgspec.Struct):
    """One stream's condition."""

    partials: bool
    through: int = 0
    told: int = 0  # steps that were in the finals so far
    utterance: int = 0
    sounding: list[Note] = []
    bar: list[Note] = []  # that ended in this bar


class NotesReader:
    """Reads a composer's rows, [B, n, 3 * voices]."""

    option_names = StreamOptions.__struct_fields__

    def __init__(self, voices: Sequence[Voice], options: dict[str, Any], rows: int):
        self.card = converted(options, CardOptions, "reader")
        self.voices = tuple(voices)
        self.rows: list[Row | None] = [None] * rows

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        return msgspec.to_builtins(converted(options, StreamOptions, "options"))

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = Row(options["partials"])

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        symbols = outputs[..., 0::TOLD].astype(np.int64).tolist()
        sure = np.exp(np.minimum(0.0, outputs[..., 1::TOLD])).tolist()
        told: list[list[Event]] = []
        for place, row in enumerate(rows):
            events: list[Event] = []
            for step, chances in zip(symbols[place], sure[place]):
                events += self.hear(self.rows[row], step, chances)
            told.append(events)
        return told

    def finish(self, row: int) -> list[Event]:
        """The final of the bar that the stream ended in."""
        return self.end_bar(self.rows[row])

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the bar here. A composer holds no output back, so nothing was drained."""
        return self.end_bar(self.rows[row])

    def save(self, row: int) -> bytes:
        """The row's whole condition."""
        return msgspec.msgpack.encode(self.rows[row])

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote."""
        self.rows[row] = msgspec.msgpack.decode(value, type=Row)

    def hear(self, row: Row, symbols: Sequence[int], chances: Sequence[float]) -> list[Event]:
        """One step of a stream."""
        before = {note.voice: note for note in row.sounding}
        now = []
        for voice, (symbol, chance) in enumerate(zip(symbols, chances)):
            note = before.get(voice)
            if note is None or note.symbol != symbol:
                if note is not None and note.symbol:
                    row.bar.append(note)
                note = Note(voice, symbol, row.through, row.through, chance)
            note.end = row.through + 1
            now.append(note)
        row.sounding, row.through = now, row.through + 1
        events = []
        if row.partials:
            events.append(self._event("partial", row, [note for note in now if note.symbol]))
        if row.through % self.card.bar_steps == 0:
            events += self.end_bar(row)
        return events

    def end_bar(self, row: Row) -> list[Event]:
        """The final with all notes that sounded since the last one, a held note in each of its bars."""
        # A bar that has just ended is not ended again, though its notes sound on.
        notes = row.bar + [note for note in row.sounding if note.symbol] if row.through > row.told else []
        row.bar, row.told = [], row.through
        if not notes:
            return []
        notes.sort(key=lambda note: (note.start, note.voice))
        event = self._event("final", row, notes)
        row.utterance += 1
        return [event]

    def _event(self, kind: str, row: Row, notes: Sequence[Note]) -> Event:
        words = tuple(
            Word(note_name(pitch), float(note.start), float(note.end), note.confidence, voice.name)
            for note in notes
            for voice in (self.voices[note.voice],)
            for pitch in voice.notes(note.symbol)
        )
        text = " ".join(word.text for word in words)
        sure = float(np.mean([word.confidence for word in words])) if words else 1.0
        return Event(kind, row.utterance, row.through, (Alternative(text, words, sure),), len(text))
