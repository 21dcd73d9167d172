"""The entities reader, `kind = "entities"`: spans of each sentence, as soon as they cannot change.

Each head of the network is the same list of tags, "O", then B and I of each type; head k of the row
that brought word t tags word t - k. A stream takes one head, its `lookahead`; rows without a word
after a sentence's end tag its last words. A tag I without a tag of its type before it begins a
span. A span is emitted once the tag after it, or the sentence's end, has closed it.

A word's tag is the one that scores best after the tag before it and with the best tag of the next
word, where the next smaller lookahead has one already: two steps of the Viterbi algorithm.
"""

from collections.abc import Mapping, Sequence
from math import exp
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
    log_softmax,
    lookahead_in_force,
)

Cost = Annotated[float, msgspec.Meta(ge=0, le=20)]


class EntitiesCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "entities"."""

    lookahead: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0  # where a stream names none
    begin_cost: Cost = 0.0  # nats, of a span's first word after a word outside
    change_cost: Cost = 0.0  # and after a span of another type
    next_weight: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  # of the next word's tags


class OpenSpan(msgspec.Struct, array_like=True):
    """A span that the next word may go on, with the probability of each of its tags."""

    kind: int  # number of its type, from 1
    words: list[SourceWord]
    confidences: list[float]


class EntitiesState(SentenceState):
    """The state of one stream."""

    lookahead: int = 0
    since: int = 0  # rows of the sentence
    words: list[str] = msgspec.field(default_factory=list)  # of the sentence
    untagged: list[SourceWord] = msgspec.field(default_factory=list)  # the last of them
    open: OpenSpan | None = None
    spans: list[EventWord] = msgspec.field(default_factory=list)


class EntitiesReader(SentenceReader[EntitiesState, list[list[float]]]):
    """Tags word by word, with the most likely tag that may follow; an emitted span never changes."""

    option_names = LookaheadOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        self.card = converted(options, EntitiesCardOptions, "reader")
        heads = [list(tags) for tags in labels.values()]
        self.types = ["", *(tag[2:] for tag in heads[0][1::2])]
        tags = ["O", *(f"{place}-{kind}" for kind in self.types[1:] for place in "BI")]
        if any(head != tags for head in heads):
            raise ValueError('labels: an entities reader wants in every head "O", then B and I of each type')
        if self.card.lookahead >= len(heads):
            raise ValueError(
                f"reader.lookahead: {self.card.lookahead}; the labels hold {len(heads)} heads, from 0"
            )
        self.heads, self.tags = len(heads), len(tags)
        self.cost = _costs(len(self.types), self.card)
        self.rows = RowStates(EntitiesState, rows)

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        return lookahead_in_force(options, self.card.lookahead, self.heads)

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = EntitiesState(options["partials"], lookahead=options["lookahead"])

    def prepared(self, outputs: np.ndarray) -> list[list[list[list[float]]]]:
        """[B, n, heads, tags + types]: log-probabilities, then what each type gains from the next word."""
        logp = log_softmax(outputs.reshape(*outputs.shape[:2], self.heads, self.tags))
        gains = (self.card.next_weight * logp[:, :, :-1, None] - self.cost).max(-1)
        first = np.zeros_like(gains, shape=(*gains.shape[:2], 1, gains.shape[-1]))
        return np.concatenate([logp, np.concatenate([first, gains], 2)], -1).tolist()

    def read_word(
        self, state: EntitiesState, word: SourceWord | None, output: list[list[float]]
    ) -> list[Event]:
        """One output row, which tags the word `lookahead` rows before it."""
        if word is None and not state.since:
            return []  # the final was told; the rows that other lookaheads need are left
        state.since += 1
        if word:
            state.words.append(word.text)
            state.untagged.append(word)
        if state.since > state.lookahead and state.untagged:
            self._tag(state, state.untagged.pop(0), output[state.lookahead])
        if word is None:
            return [] if state.untagged else self.end(state)
        return [_event("partial", state)] if state.partials else []

    def end(self, state: EntitiesState) -> list[Event]:
        """The final of the sentence, if one has begun, and the next sentence."""
        if not state.since:
            return []
        self._close(state)
        event = _event("final", state)
        state.utterance += 1
        state.since, state.words, state.untagged, state.spans = 0, [], [], []
        return [event]

    def _tag(self, state: EntitiesState, word: SourceWord, output: list[float]) -> None:
        """Close the open span, lengthen it or begin another, whichever scores best."""
        before = state.open.kind if state.open else 0
        change_cost = self.card.change_cost if before else self.card.begin_cost
        logp, gains = output[: self.tags], output[self.tags :]
        if not state.untagged:
            gains = [0.0] * len(gains)  # the sentence has no next word, or none that has come
        kind, tag_logp, begins, best = 0, logp[0], True, logp[0] + gains[0]
        for number in range(1, len(self.types)):
            begin, inside = logp[2 * number - 1 : 2 * number + 1]
            if number == before and inside + gains[number] >= best:
                kind, tag_logp, begins, best = number, inside, False, inside + gains[number]
            begin = begin if number == before else max(begin, inside)
            score = begin - (0.0 if number == before else change_cost) + gains[number]
            if score > best:
                kind, tag_logp, begins, best = number, begin, True, score
        if state.open and not begins:
            state.open.words.append(word)
            state.open.confidences.append(exp(tag_logp))
            return
        self._close(state)
        if kind:
            state.open = OpenSpan(kind, [word], [exp(tag_logp)])

    def _close(self, state: EntitiesState) -> None:
        """The open span, if there is one, is told from now on."""
        if state.open is None:
            return
        words, kind = state.open.words, self.types[state.open.kind]
        text = " ".join(word.text for word in words)
        confidence = sum(state.open.confidences) / len(words)
        state.spans.append(EventWord(text, words[0].start, words[-1].end, confidence, kind))
        state.open = None


def _costs(types: int, card: EntitiesCardOptions) -> np.ndarray:
    """[types, tags]: what a tag costs after a word of a type, 0 of none; I after another type is barred."""
    cost = np.full((types, 2 * types - 1), np.inf)
    cost[:, 0] = 0.0
    for before in range(types):
        for number in range(1, types):
            cost[before, 2 * number - 1] = card.change_cost if before else card.begin_cost
    for number in range(1, types):
        cost[number, 2 * number - 1 : 2 * number + 1] = 0.0
    return cost


def _event(kind: Kind, state: EntitiesState) -> Event:
    text = " ".join(state.words)
    spans = tuple(state.spans)
    confidence = sum(span.confidence for span in spans) / len(spans) if spans else 1.0
    alternative = EventAlternative(text, spans, confidence)
    return Event(kind, state.utterance, state.through, (alternative,), len(text))
