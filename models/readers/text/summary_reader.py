"""The summary readers: the words of each sentence that are kept.

`kind = "summary"` emits them as they are decided, `"summary_whole"` at a sentence's end, when all
probabilities are known.

An utterance is a sentence. `keep` is the network's head: column k of the row that brought word t
holds the logit of keeping word t - k. A stream takes one column, its `lookahead`; rows without a
word after a sentence's end decide its last words.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from streamer.models.options import converted
from streamer.models.readers import Event, EventAlternative, EventWord, Kind
from streamer.models.readers.rowwise import RowStates
from streamer.models.readers.text.sentence_reader import (
    LookaheadOptions,
    SentenceReader,
    SentenceState,
    SourceWord,
    lookahead_in_force,
)

Probability = Annotated[float, msgspec.Meta(gt=0, lt=1)]
HEAD = "keep"


class SummaryCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "summary": from which probability on a word is kept, by column."""

    thresholds: list[Probability] = msgspec.field(default_factory=list)
    lookahead: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0  # where a stream names none


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "summary_whole"."""


class SummaryState(SentenceState):
    """The state of one stream."""

    lookahead: int = 0
    since: int = 0  # rows of the sentence
    undecided: list[SourceWord] = msgspec.field(default_factory=list)
    decided: list[EventWord] = msgspec.field(
        default_factory=list
    )  # kept, or for the whole sentence's reader: known


class SummaryReader(SentenceReader[SummaryState, list[float]]):
    """Keeps the words whose probability reaches a threshold; what was decided never changes."""

    option_names = LookaheadOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        card = converted(options, SummaryCardOptions, "reader")
        self.first, self.columns = _head(labels)
        if len(card.thresholds) != self.columns or card.lookahead >= self.columns:
            raise ValueError(f"reader: {HEAD} has {self.columns} columns; thresholds and lookahead must fit")
        self.thresholds, self.default = card.thresholds, card.lookahead
        self.rows = RowStates(SummaryState, rows)

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        return lookahead_in_force(options, self.default, self.columns)

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = SummaryState(options["partials"], lookahead=options["lookahead"])

    def prepared(self, outputs: np.ndarray) -> list[list[list[float]]]:
        """The logits of the head."""
        return outputs[..., self.first : self.first + self.columns].tolist()

    def read_word(self, state: SummaryState, word: SourceWord | None, output: list[float]) -> list[Event]:
        """One output row, which decides the word `lookahead` rows before it."""
        if word is None and not state.since:
            return []  # the final was told; the rows that other lookaheads need are left
        state.since += 1
        if word:
            state.undecided.append(word)
        events = []
        if state.since > state.lookahead and state.undecided:
            events += self._decide(state, state.undecided.pop(0), output[state.lookahead])
        if word is None and not state.undecided:
            events += self.end(state)
        return events

    def end(self, state: SummaryState) -> list[Event]:
        """The final of the sentence, if one has begun, and the next sentence."""
        if not state.since:
            return []
        event = _event("final", state, self._kept(state))
        state.utterance += 1
        state.since, state.undecided, state.decided = 0, [], []
        return [event]

    def _decide(self, state: SummaryState, word: SourceWord, logit: float) -> list[Event]:
        """A kept word's confidence is its probability of being kept."""
        kept = _word(word, logit)
        if kept.confidence < self.thresholds[state.lookahead]:
            return []
        state.decided.append(kept)
        return [_event("partial", state, state.decided)] if state.partials else []

    def _kept(self, state: SummaryState) -> list[EventWord]:
        return state.decided


class WholeSummaryReader(SummaryReader):
    """Keeps, of a whole sentence, the words that make the expected F1 the highest.

    Of the m most likely words the expected F1 is about 2 * sum(p of these) / (m + sum(p of all)).
    """

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        converted(options, NoOptions, "reader")
        self.first, self.columns = _head(labels)
        self.default = 0
        self.rows = RowStates(SummaryState, rows)

    def _decide(self, state: SummaryState, word: SourceWord, logit: float) -> list[Event]:
        state.decided.append(_word(word, logit))
        return []

    def _kept(self, state: SummaryState) -> list[EventWord]:
        likely = np.sort([word.confidence for word in state.decided])[::-1]
        gains = np.cumsum(likely) / (np.arange(1, len(likely) + 1) + likely.sum())
        least = likely[int(gains.argmax())] if len(likely) else 1.0
        return [word for word in state.decided if word.confidence >= least]


def _head(labels: Mapping[str, Sequence[str]]) -> tuple[int, int]:
    """The first column of the head that keeps words, and how many it has."""
    if HEAD not in labels:
        raise ValueError(f"labels: a summary reader needs the head {HEAD!r}")
    return sum(len(labels[name]) for name in list(labels)[: list(labels).index(HEAD)]), len(labels[HEAD])


def _word(word: SourceWord, logit: float) -> EventWord:
    return EventWord(word.text, word.start, word.end, float(1 / (1 + np.exp(-logit))))


def _event(kind: Kind, state: SummaryState, kept: list[EventWord]) -> Event:
    text = " ".join(word.text for word in kept)
    confidence = sum(word.confidence for word in kept) / len(kept) if kept else 1.0
    alternative = EventAlternative(text, tuple(kept), confidence)
    return Event(kind, state.utterance, state.through, (alternative,), len(text))
