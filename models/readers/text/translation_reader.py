"""The translation readers: a sentence's target, growing while its source is read, or whole.

`kind = "translation"` reads a live network's rows: per slot a unit and its log-probability, 0 where
none was said, -1 where the target ended. `kind = "translation_whole"` reads a unit a row.

An utterance is a sentence of the source. What was said never changes: all of it is confirmed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sentencepiece import SentencePieceProcessor

from streamer.models.readers import Alternative, Event
from streamer.models.readers.converted import converted
from streamer.models.readers.text.sentence_reader import Heard, SentenceReader, SentenceRow
from streamer.models.text.pieces import read_model

ENDED = -1


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card: the target's sentencepiece model, beside the card."""

    model: str = "target.model"


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stream may set."""

    partials: bool = True


class Row(SentenceRow):
    """One stream's condition."""

    begun: bool = False
    over: bool = False  # a row without a piece came: the source has ended
    units: list[int] = []
    log_probability: float = 0.0


class TranslationReader(SentenceReader):
    """A partial for every row that says something, and a final where the target ends."""

    Row = Row
    option_names = StreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], folder: Path, rows: int):
        card = converted(options, CardOptions, "reader")
        self.columns = sum(len(columns) for columns in labels.values())
        if self.columns % 2:
            raise ValueError("labels: a translation has two columns a slot, a unit and its log-probability")
        self.model: SentencePieceProcessor = read_model(folder / card.model, "reader.model")
        self.rows: list[Row | None] = [None] * rows

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        return {"partials": converted(options, StreamOptions, "options").partials}

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = Row(options["partials"])

    def marks(self, row: int, marks: Sequence) -> None:
        """What the next rows stand for."""
        self.rows[row].marks += [
            None if mark.kind == "empty" else Heard(mark.text, mark.start, mark.end) for mark in marks
        ]

    def weighed(self, outputs: np.ndarray) -> np.ndarray:
        """Slots as they are."""
        return outputs

    def hear(self, row: Row, mark: Heard | None, output: list[float]) -> list[Event]:
        """What a row says; a target that never ended does where the next sentence begins."""
        events = self.final(row) if mark and row.over else []
        if mark:
            row.begun = True
        elif not row.begun:
            return events  # the sentence was told; more empty steps are left than it took
        else:
            row.over = True
        said, ended = False, False
        for unit, log_probability in zip(output[::2], output[1::2]):
            row.log_probability += log_probability
            if unit > 0:
                row.units.append(round(unit))
                said = True
            ended = ended or unit == ENDED
        if ended:
            return events + self.final(row)
        return [*events, self._event("partial", row)] if said and row.partials else events

    def final(self, row: Row) -> list[Event]:
        """The whole target, if its sentence has begun; the next one begins."""
        if not row.begun:
            return []
        event = self._event("final", row)
        row.utterance += 1
        row.begun, row.over, row.units, row.log_probability = False, False, [], 0.0
        return [event]

    def _event(self, kind: str, row: Row) -> Event:
        text = self.model.decode(row.units)
        sure = float(np.exp(row.log_probability / (len(row.units) + 1)))
        # The row that ends a sentence was counted before its final; what it rests on was not more.
        return Event(kind, row.utterance, row.through, (Alternative(text, (), sure),), len(text))


class WholeTranslationReader(TranslationReader):
    """One final a sentence, when it is over; its rows are the target's units, more than its marks."""

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, 2] of the streams in `rows`; a target is told at its end alone."""
        for which, steps in zip(rows, outputs):
            row = self.rows[which]
            row.begun, row.through = True, row.through + len(row.marks)
            row.marks = []
            row.units += [round(unit) for unit in steps[:, 0].tolist() if unit > 0]
            row.log_probability += float(steps[:, 1].sum())
        return [[] for _ in rows]
