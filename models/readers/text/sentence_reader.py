"""What readers of a network that goes word by word share: rows and their marks, sentence after sentence.

An utterance is a sentence. A row's mark says which word it brought, or none, after a sentence's
end. A sentence ends at the first row without a word that leaves nothing to decide, at a flush, and
with its stream.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from streamer.errors import OptionError
from streamer.models.options import converted
from streamer.models.readers import Event, InputMark
from streamer.models.readers.rowwise import RowState, RowwiseReader, StreamOptions


class LookaheadOptions(StreamOptions, frozen=True, forbid_unknown_fields=True):
    """What one stream may set whose words are judged later; no `lookahead` is the card's."""

    lookahead: int | None = None


def lookahead_in_force(options: dict[str, Any], usual: int, count: int) -> dict[str, Any]:
    """`LookaheadOptions` in force; OptionError "options.NAME" for a bad one and for `count` or more."""
    given = converted(options, LookaheadOptions, "options")
    lookahead = usual if given.lookahead is None else given.lookahead
    if not 0 <= lookahead < count:
        raise OptionError("options.lookahead", f"{lookahead}; this model has 0 to {count - 1}")
    return {"partials": given.partials, "lookahead": lookahead}


class SourceWord(msgspec.Struct, array_like=True, frozen=True):
    """A word of the text and where it stands, in bytes."""

    text: str
    start: int
    end: int


class SentenceState(RowState):
    """The state of one stream, which each reader extends."""

    marks: list[SourceWord | None] = msgspec.field(
        default_factory=list
    )  # of rows to come; None where a row brings no word


State = TypeVar("State", bound=SentenceState)
Output = TypeVar("Output")  # of a row, as a reader prepares it


class SentenceReader(RowwiseReader[State, Output], Generic[State, Output]):
    """Contract: `read_word` is each reader's own, beside what a `RowwiseReader` leaves to it."""

    def read_word(self, state: State, word: SourceWord | None, output: Output) -> list[Event]:
        """The events of one output row, which `state.through` has counted, and the word it brought."""
        raise NotImplementedError

    def marks(self, row: int, marks: Sequence[InputMark]) -> None:
        """What the next rows stand for: a word, or nothing, after a sentence's end."""
        self.rows[row].marks += [
            SourceWord(mark.text, mark.start, mark.end) if mark.kind == "token" else None for mark in marks
        ]

    def step(self, state: State, output: Output) -> list[Event]:
        """The events of one output row."""
        state.through += 1
        return self.read_word(state, state.marks.pop(0), output)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Their logarithms."""
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
