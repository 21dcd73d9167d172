"""Plain readers for any network with a head of labels: the label of each row, or greedy CTC text.

`kind = "argmax"` in a card's [reader] tells each stretch of one label as an utterance: a partial
when it begins and a final when it ends. `kind = "greedy_ctc"` collapses repeats, drops the blank
(label 0) and tells growing text, a final after `endpoint_rows` rows without a new label. Labels
that are the empty string are never told.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from streamer.models.readers import Alternative, Event, Word
from streamer.models.readers.converted import converted

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a card's [reader] may set; no `head` is the first one."""

    head: str = ""
    row_ms: Annotated[float, msgspec.Meta(gt=0)] = 40.0  # what an output row stands for
    endpoint_silence_ms: Count = 600
    separator: str = ""  # between labels of a text: " " where labels are words
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2000  # of an utterance


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stream may set; silence 0 never ends an utterance, None is the card's."""

    partials: bool = True
    endpoint_silence_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None


class Token(msgspec.Struct, array_like=True):
    """A label and the rows where it stood, with the mean probability of its rows."""

    label: int
    start: int
    end: int
    confidence: float


class Row(msgspec.Struct):
    """One stream's condition."""

    partials: bool
    endpoint_rows: int
    through: int = 0
    ignored: int = 0  # rows still to come that a flush has read already
    utterance: int = 0
    label: int = -1  # of the last row
    quiet: int = 0  # rows since the last new label
    tokens: list[Token] = []


class ArgmaxReader:
    """Each stretch of one label is an utterance of one word."""

    option_names = StreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        self.card = converted(options, CardOptions, "reader")
        head = self.card.head or next(iter(labels))
        if head not in labels:
            raise ValueError(f"reader.head: {head!r} is no head; there are {', '.join(labels)}")
        before = sum(len(labels[name]) for name in list(labels)[: list(labels).index(head)])
        self.labels = list(labels[head])
        self.columns = slice(before, before + len(self.labels))
        self.rows: list[Row | None] = [None] * rows

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        given = converted(options, StreamOptions, "options")
        silence = given.endpoint_silence_ms
        return {
            "partials": given.partials,
            "endpoint_silence_ms": self.card.endpoint_silence_ms if silence is None else silence,
        }

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        silence = options["endpoint_silence_ms"]
        rows = max(1, round(silence / self.card.row_ms)) if silence else 0
        self.rows[row] = Row(options["partials"], rows)

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        logits = outputs[:, :, self.columns]
        labels = logits.argmax(-1)
        top = logits.max(-1, keepdims=True)
        confidence = 1 / np.exp(logits - top).sum(-1)
        told: list[list[Event]] = []
        for which, row_labels, row_confidence in zip(rows, labels.tolist(), confidence.tolist()):
            row, events = self.rows[which], []
            seen = min(row.ignored, len(row_labels))
            row.ignored -= seen
            for label, sure in zip(row_labels[seen:], row_confidence[seen:]):
                events += self.hear(row, label, sure)
            told.append(events)
        return told

    def finish(self, row: int) -> list[Event]:
        """What is still to be told after the stream's last output row."""
        return self.end(self.rows[row])

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the utterance with outputs [m, D] drained from a copy of the network."""
        state = self.rows[row]
        seen, state.ignored = state.ignored, 0
        (events,) = self.read([row], outputs[None, seen:])
        events += self.end(state)
        state.ignored = max(seen, len(outputs))
        return events

    def save(self, row: int) -> bytes:
        """The row's whole condition."""
        return msgspec.msgpack.encode(self.rows[row])

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote."""
        self.rows[row] = msgspec.msgpack.decode(value, type=Row)

    def hear(self, row: Row, label: int, sure: float) -> list[Event]:
        """One output row of a stream, whose likeliest label has the probability `sure`."""
        if label == row.label:
            row.through += 1
            _lengthen(row.tokens, row.through, sure)
            return []
        events = self.end(row)
        row.through += 1
        row.label = label
        if self.labels[label]:
            row.tokens = [Token(label, row.through - 1, row.through, sure)]
            events += self.partial(row)
        return events

    def end(self, row: Row) -> list[Event]:
        """The final of what was said, and the next utterance."""
        row.label, row.quiet = -1, 0
        if not row.tokens:
            return []
        text = self.text(row.tokens)
        event = Event("final", row.utterance, row.through, (text,), len(text.text))
        row.tokens, row.utterance = [], row.utterance + 1
        return [event]

    def partial(self, row: Row) -> list[Event]:
        """The text so far; none of it will change."""
        if not row.partials:
            return []
        text = self.text(row.tokens)
        return [Event("partial", row.utterance, row.through, (text,), len(text.text))]

    def text(self, tokens: list[Token]) -> Alternative:
        """The tokens as words: each its own where a separator stands between, else cut at spaces."""
        words: list[Word] = []
        letters: list[Token] = []
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
        sure = sum(token.confidence for token in tokens) / len(tokens)
        return Alternative(text, tuple(words), sure)

    def _word(self, letters: list[Token]) -> list[Word]:
        if not letters:
            return []
        text = "".join(self.labels[token.label] for token in letters)
        sure = sum(token.confidence for token in letters) / len(letters)
        return [Word(text, float(letters[0].start), float(letters[-1].end), sure)]


class GreedyCtcReader(ArgmaxReader):
    """CTC's best path: repeats collapse, label 0 is the blank (Graves 2006)."""

    def hear(self, row: Row, label: int, sure: float) -> list[Event]:
        row.through += 1
        if label == 0 or not self.labels[label]:
            row.label, row.quiet = 0, row.quiet + 1
            return self.end(row) if 0 < row.endpoint_rows <= row.quiet else []
        if label == row.label:
            _lengthen(row.tokens, row.through, sure)
            return []
        row.label = label
        row.quiet = 0
        row.tokens.append(Token(label, row.through - 1, row.through, sure))
        if len(row.tokens) >= self.card.max_tokens:
            return self.end(row)
        return self.partial(row)


def _lengthen(tokens: list[Token], through: int, sure: float) -> None:
    """The last token stands for one more row."""
    if tokens:
        last = tokens[-1]
        rows = through - last.start
        last.confidence += (sure - last.confidence) / rows
        last.end = through
