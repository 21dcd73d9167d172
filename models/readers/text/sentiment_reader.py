"""The sentiment reader, `kind = "sentiment"`: what a sentence thinks, after each word and at its end.

Each head of the network is a list of classes; a stream takes the head that has as many as its
option `classes` says. Alternatives are the classes, the most probable first; the row without a
word after a sentence's end tells the verdict, which is the opinion after the last word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from streamer.errors import OptionError
from streamer.models.readers import Alternative, Event, Word
from streamer.models.readers.converted import converted
from streamer.models.readers.text.sentence_reader import Heard, SentenceReader, SentenceRow, softmax


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "sentiment"."""


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stream may set; no `classes` is the first head's count."""

    partials: bool = True
    classes: int | None = None


class Row(SentenceRow):
    """One stream's condition."""

    classes: int = 0
    start: int = 0  # of the sentence, in bytes
    end: int = 0
    opinion: list[float] = []  # probabilities after its last word; empty where it has none yet


class SentimentReader(SentenceReader):
    """Tells the probabilities of all classes of a head."""

    option_names = StreamOptions.__struct_fields__
    Row = Row

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        converted(options, CardOptions, "reader")
        self.heads: dict[int, list[str]] = {}
        self.columns: dict[int, slice] = {}
        at = 0
        for head in labels.values():
            if len(head) in self.heads:
                raise ValueError(
                    f"labels: two heads of {len(head)} classes; a stream names a head by its count"
                )
            self.heads[len(head)] = list(head)
            self.columns[len(head)] = slice(at, at + len(head))
            at += len(head)
        self.rows: list[Row | None] = [None] * rows

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        given = converted(options, StreamOptions, "options")
        classes = next(iter(self.heads)) if given.classes is None else given.classes
        if classes not in self.heads:
            there_are = " or ".join(map(str, self.heads))
            raise OptionError("options.classes", f"{classes}; this model has {there_are}")
        return {"partials": given.partials, "classes": classes}

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = Row(options["partials"], classes=options["classes"])

    def weighed(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities [B, n, D], each head's for itself."""
        return np.concatenate([softmax(outputs[..., columns]) for columns in self.columns.values()], -1)

    def hear(self, row: Row, mark: Heard | None, output: list[float]) -> list[Event]:
        """The opinion after a word, or the verdict."""
        if mark is None:
            return self.final(row)
        if not row.opinion:
            row.start = mark.start
        row.end, row.opinion = mark.end, output[self.columns[row.classes]]
        return [self._event("partial", row)] if row.partials else []

    def final(self, row: Row) -> list[Event]:
        """The verdict on the sentence, if one has begun, and the next sentence."""
        if not row.opinion:
            return []
        event = self._event("final", row)
        row.utterance, row.opinion = row.utterance + 1, []
        return [event]

    def _event(self, kind: str, row: Row) -> Event:
        ranked = sorted(zip(row.opinion, self.heads[row.classes]), key=lambda one: -one[0])
        alternatives = tuple(
            Alternative(label, (Word(label, row.start, row.end, sure),), sure) for sure, label in ranked
        )
        confirmed = len(alternatives[0].text) if kind == "final" else 0
        return Event(kind, row.utterance, row.through, alternatives, confirmed)
