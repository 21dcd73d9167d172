"""The translation readers: a sentence's target, growing while its source is read, or whole.

`kind = "translation"` reads a live network's rows: per slot a unit and its log-probability, 0 where
none was emitted, -1 where the target ended. `kind = "translation_whole"` reads a unit a row.

An utterance is a sentence of the source. What was emitted never changes: all of it is confirmed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from sentencepiece import SentencePieceProcessor

from streamer.models.card import beside
from streamer.models.options import converted
from streamer.models.readers import Event, EventAlternative, InputMark, Kind
from streamer.models.readers.rowwise import RowStates, already_read
from streamer.models.readers.text.sentence_reader import SentenceReader, SentenceState, SourceWord
from streamer.models.text.pieces import read_model

ENDED = -1


class TranslationCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card: the target's sentencepiece model, beside the card, and what confidence is low."""

    model: str = "target.model"
    doubtful_below: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  # confidence that is marked


class TranslationState(SentenceState):
    """The state of one stream."""

    begun: bool = False
    over: bool = False  # a row without a piece came: the source has ended
    units: list[int] = msgspec.field(default_factory=list)
    log_probability: float = 0.0


class TranslationReader(SentenceReader[TranslationState, list[float]]):
    """A partial for every row that adds a unit, and a final where the target ends."""

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], folder: Path, rows: int):
        card = converted(options, TranslationCardOptions, "reader")
        self.columns = sum(len(columns) for columns in labels.values())
        if self.columns % 2:
            raise ValueError("labels: a translation has two columns a slot, a unit and its log-probability")
        self.model: SentencePieceProcessor = read_model(
            beside(folder, card.model, "reader.model"), "reader.model"
        )
        self.rows = RowStates(TranslationState, rows)

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = TranslationState(options["partials"])

    def marks(self, row: int, marks: Sequence[InputMark]) -> None:
        """What the next rows stand for: a piece of a word, or nothing, after a sentence's end."""
        self.rows[row].marks += [
            None if mark.kind == "empty" else SourceWord(mark.text, mark.start, mark.end) for mark in marks
        ]

    def prepared(self, outputs: np.ndarray) -> list[list[list[float]]]:
        """Slots as they are."""
        return outputs.tolist()

    def read_word(self, state: TranslationState, word: SourceWord | None, output: list[float]) -> list[Event]:
        """The units of a row; a target without an end is ended where the next sentence begins."""
        events = self.end(state) if word and state.over else []
        if word:
            state.begun = True
        elif not state.begun:
            return events  # the final was told; more empty steps are left than it took
        else:
            state.over = True
        grown, ended = False, False
        for unit, log_probability in zip(output[::2], output[1::2]):
            state.log_probability += log_probability
            if unit > 0:
                state.units.append(round(unit))
                grown = True
            ended = ended or unit == ENDED
        if ended:
            return events + self.end(state)
        return [*events, self._event("partial", state)] if grown and state.partials else events

    def end(self, state: TranslationState) -> list[Event]:
        """The whole target, if its sentence has begun; the next one begins."""
        if not state.begun:
            return []
        event = self._event("final", state)
        state.utterance += 1
        state.begun, state.over, state.units, state.log_probability = False, False, [], 0.0
        return [event]

    def _event(self, kind: Kind, state: TranslationState) -> Event:
        text = self.model.decode(state.units)
        confidence = float(np.exp(state.log_probability / (len(state.units) + 1)))
        alternative = EventAlternative(text, (), confidence)
        # The row that ends a sentence was counted before its final; what it rests on was not more.
        return Event(kind, state.utterance, state.through, (alternative,), len(text))


class WholeTranslationReader(TranslationReader):
    """One final a sentence, when it is over; its rows are the target's units, more than its marks."""

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, 2] of the streams in `rows`; a target is emitted only at its end."""
        for row, steps in zip(rows, outputs):
            state = self.rows[row]
            steps = steps[already_read(state, len(steps)) :]
            state.begun = state.begun or len(steps) > 0
            state.through, state.marks = state.through + len(state.marks), []
            state.units += [round(unit) for unit in steps[:, 0].tolist() if unit > 0]
            state.log_probability += float(steps[:, 1].sum())
        return [[] for _ in rows]
