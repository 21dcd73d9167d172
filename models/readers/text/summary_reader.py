"""The summary readers: the words of each sentence that are kept.

`kind = "summary"` tells them as they are decided, `"summary_whole"` at a sentence's end, when all
probabilities are known.

An utterance is a sentence. `keep` is the network's head: column k of the row that brought word t
holds the logit of keeping word t - k. A stream takes one column, its `lookahead`; rows without a
word after a sentence's end decide its last words.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from streamer.errors import OptionError
from streamer.models.readers import Alternative, Event, Word
from streamer.models.readers.converted import converted

Probability = Annotated[float, msgspec.Meta(gt=0, lt=1)]
HEAD = "keep"


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "summary": from which probability on a word is kept, by column."""

    thresholds: list[Probability] = []
    lookahead: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0  # where a stream names none


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "summary_whole"."""


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
    decided: list[Word] = []  # kept, or for the whole sentence's reader: known


class SummaryReader:
    """Keeps the words whose probability reaches a threshold; what was decided never changes."""

    option_names = StreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        card = converted(options, CardOptions, "reader")
        self._columns(labels)
        if len(card.thresholds) != self.columns or card.lookahead >= self.columns:
            raise ValueError(f"reader: {HEAD} has {self.columns} columns; thresholds and lookahead must fit")
        self.thresholds, self.default = card.thresholds, card.lookahead
        self.rows: list[Row | None] = [None] * rows

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        given = converted(options, StreamOptions, "options")
        lookahead = self.default if given.lookahead is None else given.lookahead
        if not 0 <= lookahead < self.columns:
            raise OptionError("options.lookahead", f"{lookahead}; this model has 0 to {self.columns - 1}")
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

    def _columns(self, labels: Mapping[str, Sequence[str]]) -> None:
        if HEAD not in labels:
            raise ValueError(f"labels: a summary reader needs the head {HEAD!r}")
        self.first = sum(len(labels[name]) for name in list(labels)[: list(labels).index(HEAD)])
        self.columns = len(labels[HEAD])

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
            word = Word(heard.text, heard.start, heard.end, float(1 / (1 + np.exp(-logit))))
            events += self._decide(row, word)
        if mark is None and not row.undecided:
            events.append(self._final(row))
        return events

    def _decide(self, row: Row, word: Word) -> list[Event]:
        """A word whose confidence is its probability of being kept."""
        if word.confidence < self.thresholds[row.lookahead]:
            return []
        row.decided.append(word)
        return [_event("partial", row, row.decided)] if row.partials else []

    def _kept(self, row: Row) -> list[Word]:
        return row.decided

    def _final(self, row: Row) -> Event:
        event = _event("final", row, self._kept(row))
        row.utterance += 1
        row.since, row.undecided, row.decided = 0, [], []
        return event


class WholeSummaryReader(SummaryReader):
    """Keeps, of a whole sentence, the words that make the expected F1 the highest.

    Of the m likeliest words the expected F1 is about 2 * sum(p of these) / (m + sum(p of all)).
    """

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        converted(options, NoOptions, "reader")
        self._columns(labels)
        self.default = 0
        self.rows = [None] * rows

    def _decide(self, row: Row, word: Word) -> list[Event]:
        row.decided.append(word)
        return []

    def _kept(self, row: Row) -> list[Word]:
        likely = np.sort([word.confidence for word in row.decided])[::-1]
        gains = np.cumsum(likely) / (np.arange(1, len(likely) + 1) + likely.sum())
        least = likely[int(gains.argmax())] if len(likely) else 1.0
        return [word for word in row.decided if word.confidence >= least]


def _event(kind: str, row: Row, kept: list[Word]) -> Event:
    text = " ".join(word.text for word in kept)
    sure = sum(word.confidence for word in kept) / len(kept) if kept else 1.0
    return Event(kind, row.utterance, row.through, (Alternative(text, tuple(kept), sure),), len(text))
