"""Plain readers for any network with a head of labels: the label of each row, or greedy CTC text.

`kind = "argmax"` in a card's [reader] emits each stretch of one label as an utterance: a partial
when it begins and a final when it ends. `kind = "greedy_ctc"` collapses repeats, drops the blank
(label 0) and emits growing text, with a final after `endpoint_rows` rows without a new label. Labels
that are the empty string are never emitted.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from streamer.models.options import converted
from streamer.models.readers import Event, EventAlternative, EventWord
from streamer.models.readers.rowwise import RowState, RowStates, RowwiseReader, StreamOptions

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class ArgmaxCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a card's [reader] may set; no `head` is the first one."""

    head: str = ""
    row_ms: Annotated[float, msgspec.Meta(gt=0)] = 40.0  # what an output row stands for
    endpoint_silence_ms: Count = 600
    separator: str = ""  # between labels of a text: " " where labels are words
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2000  # of an utterance


class ArgmaxStreamOptions(StreamOptions, frozen=True, forbid_unknown_fields=True):
    """What one stream may set; silence 0 never ends an utterance, None is the card's."""

    endpoint_silence_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None


class LabelRun(msgspec.Struct, array_like=True):
    """A label and the rows where it stood, with the mean probability of its rows."""

    label: int
    start: int
    end: int
    confidence: float


class ArgmaxState(RowState):
    """The state of one stream."""

    endpoint_rows: int = 0
    label: int = -1  # of the last row
    quiet: int = 0  # rows since the last new label
    tokens: list[LabelRun] = msgspec.field(default_factory=list)


class ArgmaxReader(RowwiseReader[ArgmaxState, tuple[int, float]]):
    """Each stretch of one label is an utterance of one word."""

    option_names = ArgmaxStreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        self.card = converted(options, ArgmaxCardOptions, "reader")
        head = self.card.head or next(iter(labels))
        if head not in labels:
            raise ValueError(f"reader.head: {head!r} is no head; there are {', '.join(labels)}")
        before = sum(len(labels[name]) for name in list(labels)[: list(labels).index(head)])
        self.labels = list(labels[head])
        self.columns = slice(before, before + len(self.labels))
        self.rows = RowStates(ArgmaxState, rows)

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        given = converted(options, ArgmaxStreamOptions, "options")
        silence = given.endpoint_silence_ms
        return {
            "partials": given.partials,
            "endpoint_silence_ms": self.card.endpoint_silence_ms if silence is None else silence,
        }

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        silence = options["endpoint_silence_ms"]
        rows = max(1, round(silence / self.card.row_ms)) if silence else 0
        self.rows[row] = ArgmaxState(options["partials"], endpoint_rows=rows)

    def prepared(self, outputs: np.ndarray) -> list[list[tuple[int, float]]]:
        """The most likely label of each row, and its probability."""
        logits = outputs[:, :, self.columns]
        labels = logits.argmax(-1)
        top = logits.max(-1, keepdims=True)
        confidences = 1 / np.exp(logits - top).sum(-1)
        return [list(zip(*stream)) for stream in zip(labels.tolist(), confidences.tolist())]

    def step(self, state: ArgmaxState, output: tuple[int, float]) -> list[Event]:
        """A row of the same label lengthens the utterance; another label ends it."""
        label, confidence = output
        if label == state.label:
            state.through += 1
            _lengthen(state.tokens, state.through, confidence)
            return []
        events = self.end(state)
        state.through += 1
        state.label = label
        if self.labels[label]:
            state.tokens = [LabelRun(label, state.through - 1, state.through, confidence)]
            events += self._partial(state)
        return events

    def end(self, state: ArgmaxState) -> list[Event]:
        """The final of the text so far, and the next utterance."""
        state.label, state.quiet = -1, 0
        if not state.tokens:
            return []
        text = self._text(state.tokens)
        event = Event("final", state.utterance, state.through, (text,), len(text.text))
        state.tokens, state.utterance = [], state.utterance + 1
        return [event]

    def _partial(self, state: ArgmaxState) -> list[Event]:
        """The text so far; none of it will change."""
        if not state.partials:
            return []
        text = self._text(state.tokens)
        return [Event("partial", state.utterance, state.through, (text,), len(text.text))]

    def _text(self, tokens: list[LabelRun]) -> EventAlternative:
        """The tokens as words: each its own where a separator stands between, else cut at spaces."""
        words: list[EventWord] = []
        letters: list[LabelRun] = []
        for token in tokens:
            if self.labels[token.label].isspace():
                words += self._word(letters)
                letters = []
                continue
            letters.append(token)
            if self.card.separator:
                words += self._word(letters)
                letters = []
        words += self._word(letters)
        text = (self.card.separator or " ").join(word.text for word in words)
        confidence = sum(token.confidence for token in tokens) / len(tokens)
        return EventAlternative(text, tuple(words), confidence)

    def _word(self, letters: list[LabelRun]) -> list[EventWord]:
        if not letters:
            return []
        text = "".join(self.labels[token.label] for token in letters)
        confidence = sum(token.confidence for token in letters) / len(letters)
        return [EventWord(text, float(letters[0].start), float(letters[-1].end), confidence)]


class GreedyCtcReader(ArgmaxReader):
    """CTC's best path: repeats collapse, label 0 is the blank (Graves 2006)."""

    def step(self, state: ArgmaxState, output: tuple[int, float]) -> list[Event]:
        """A new label lengthens the text; `endpoint_rows` without one end the utterance."""
        label, confidence = output
        state.through += 1
        if label == 0 or not self.labels[label]:
            state.label, state.quiet = 0, state.quiet + 1
            return self.end(state) if 0 < state.endpoint_rows <= state.quiet else []
        if label == state.label:
            _lengthen(state.tokens, state.through, confidence)
            return []
        state.label = label
        state.quiet = 0
        state.tokens.append(LabelRun(label, state.through - 1, state.through, confidence))
        if len(state.tokens) >= self.card.max_tokens:
            return self.end(state)
        return self._partial(state)


def _lengthen(tokens: list[LabelRun], through: int, confidence: float) -> None:
    """The last token stands for one more row."""
    if tokens:
        last = tokens[-1]
        rows = through - last.start
        last.confidence += (confidence - last.confidence) / rows
        last.end = through
