"""The summary reader: the words of each sentence that are kept, told as they are decided.

An utterance is a sentence. `keep` is the network's head: column k of the row that brought word t
holds the logit of keeping word t - k. A stream takes one column, its `lookahead`; rows without a
word after a sentence's end decide its last words.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from models.readers import Alternative, Event, Word
from models.readers.converted import converted

Probability = Annotated[float, msgspec.Meta(gt=0, lt=1)]
HEAD = "keep"


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "summary": from which probability on a word is kept, by column."""

    thresholds: Annotated[list[Probability], msgspec.Meta(min_length=1, max_length=16)]
    lookahead: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0  # where a stream names none


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stream may set; no `lookahead` is the card's."""

    partials: bool = True
    lookahead: int | None = None


class Heard(msgspec.Struct, array_like=True):
    """A word of the running sentence and where it stands, in bytes of the text."""

    text: str
    start: int
    end: int


class Row(msgspec.Struct):
    """One stream's condition."""

    partials: bool
    lookahead: int
    through: int = 0
    utterance: int = 0
    ignored: int = 0  # rows still to come that a flush has read already
    since: int = 0  # rows of the sentence
    marks: list[Heard | None] = []  # of rows still to come; None where a row brings no word
    undecided: list[Heard] = []
    kept: list[Word] = []


class SummaryReader:
    """Keeps the words whose probability reaches a threshold; what was decided never changes."""

    option_names = StreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        card = converted(options, CardOptions, "reader")
        if HEAD not in labels:
            raise ValueError(f"reader: a summary reader needs the head {HEAD!r} among the labels")
        columns = len(labels[HEAD])
        if len(card.thresholds) != columns or card.lookahead >= columns:
            raise ValueError(f"reader: {HEAD} has {columns} columns; thresholds and lookahead must fit")
        self.first = sum(len(labels[name]) for name in list(labels)[: list(labels).index(HEAD)])
        self.columns, self.default = columns, card.lookahead
        # Compared as logits, so that a threshold costs no exponential.
        self.logits = [float(np.log(p / (1 - p))) for p in card.thresholds]
        self.rows: list[Row | None] = [None] * rows

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. ValueError "options.NAME: ..." for unknown or bad ones."""
        given = converted(options, StreamOptions, "options")
        lookahead = self.default if given.lookahead is None else given.lookahead
        if not 0 <= lookahead < self.columns:
            raise ValueError(f"options.lookahead: {lookahead}; this model has 0 to {self.columns - 1}")
        return {"partials": given.partials, "lookahead": lookahead}

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = Row(options["partials"], options["lookahead"])

    def marks(self, row: int, marks: Sequence) -> None:
        """What the next rows stand for: a word, or nothing, after a sentence's end."""
        self.rows[row].marks += [
            Heard(mark.text, mark.start, mark.end) if mark.kind == "token" else None for mark in marks
        ]

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        told = []
        for which, logits in zip(rows, outputs):
            row = self.rows[which]
            seen = min(row.ignored, len(logits))
            row.ignored -= seen
            column = self.first + row.lookahead
            told.append([event for x in logits[seen:, column].tolist() for event in self._hear(row, x)])
        return told

    def finish(self, row: int) -> list[Event]:
        """What is still to be told after the stream's last output row."""
        state = self.rows[row]
        return [] if not state.since else [self._final(state)]

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the sentence with outputs [m, D] drained from a copy of the network."""
        state = self.rows[row]
        seen, state.ignored = state.ignored, 0
        (events,) = self.read([row], outputs[None, seen:])
        events += self.finish(row)
        state.ignored = max(seen, len(outputs))
        return events

    def save(self, row: int) -> bytes:
        """The row's whole condition."""
        return msgspec.msgpack.encode(self.rows[row])

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote."""
        self.rows[row] = msgspec.msgpack.decode(value, type=Row)

    def _hear(self, row: Row, logit: float) -> list[Event]:
        """One output row, which decides the word `lookahead` rows before it."""
        mark = row.marks.pop(0)
        row.through += 1
        if mark is None and not row.since:
            return []  # the sentence was told; the rows that other lookaheads need are left
        row.since += 1
        if mark:
            row.undecided.append(mark)
        events = []
        if row.since > row.lookahead and row.undecided:
            heard = row.undecided.pop(0)
            if logit >= self.logits[row.lookahead]:
                sure = 1 / (1 + np.exp(-logit))
                row.kept.append(Word(heard.text, heard.start, heard.end, float(sure)))
                if row.partials:
                    events.append(self._event("partial", row))
        if mark is None and not row.undecided:
            events.append(self._final(row))
        return events

    def _final(self, row: Row) -> Event:
        event = self._event("final", row)
        row.utterance += 1
        row.since, row.undecided, row.kept = 0, [], []
        return event

    def _event(self, kind: str, row: Row) -> Event:
        text = " ".join(word.text for word in row.kept)
        sure = sum(word.confidence for word in row.kept) / len(row.kept) if row.kept else 1.0
        words = (Alternative(text, tuple(row.kept), sure),)
        return Event(kind, row.utterance, row.through, words, len(text))
