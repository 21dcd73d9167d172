"""What readers of a network that goes word by word share: rows and their marks, sentence after sentence.

An utterance is a sentence. A row's mark says which word it brought, or none, after a sentence's
end. A sentence ends at the first row without a word that leaves nothing to decide, at a flush, and
with its stream.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from streamer.models.readers import Event


class Heard(msgspec.Struct, array_like=True, frozen=True):
    """A word and where it stands, in bytes of the text."""

    text: str
    start: int
    end: int


class SentenceRow(msgspec.Struct):
    """One stream's condition, of which a reader's own rows are a kind."""

    partials: bool
    through: int = 0
    utterance: int = 0
    ignored: int = 0  # rows still to come that a flush has read already
    marks: list[Heard | None] = []  # of rows still to come; None where a row brings no word


class SentenceReader:
    """Contract: `Row`, `hear` and `final` are the reader's own, and so are the options.

    Law: a stream's events are a function of its options, marks and output rows alone.
    """

    Row: type[SentenceRow]
    rows: list[Any]  # SentenceRow or None, by row

    def hear(self, row: SentenceRow, mark: Heard | None, output: list[float]) -> list[Event]:
        """The events of one output row, which `row.through` has counted already."""
        raise NotImplementedError

    def final(self, row: SentenceRow) -> list[Event]:
        """The final of a sentence that ends here, if one has begun, and the next sentence."""
        raise NotImplementedError

    def weighed(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs [B, n, D] as `hear` takes them."""
        raise NotImplementedError

    def marks(self, row: int, marks: Sequence) -> None:
        """What the next rows stand for."""
        self.rows[row].marks += [
            Heard(mark.text, mark.start, mark.end) if mark.kind == "token" else None for mark in marks
        ]

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        told = []
        for which, some in zip(rows, self.weighed(outputs).tolist()):
            row, events = self.rows[which], []
            seen = min(row.ignored, len(some))
            row.ignored -= seen
            for output in some[seen:]:
                row.through += 1
                events += self.hear(row, row.marks.pop(0), output)
            told.append(events)
        return told

    def finish(self, row: int) -> list[Event]:
        """What is still to be told after the stream's last output row."""
        return self.final(self.rows[row])

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the sentence with outputs [m, D] drained from a copy of the network."""
        state = self.rows[row]
        seen, state.ignored = state.ignored, 0
        (events,) = self.read([row], outputs[None, seen:])
        events += self.final(state)
        state.ignored = max(seen, len(outputs))
        return events

    def save(self, row: int) -> bytes:
        """The row's whole condition."""
        return msgspec.msgpack.encode(self.rows[row])

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote."""
        self.rows[row] = msgspec.msgpack.decode(value, type=self.Row)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Their logarithms."""
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
