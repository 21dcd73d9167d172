"""Text payloads to input steps, each with its mark: what it stands for, and where that is."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from streamer.errors import OptionError
from streamer.models.feeders.encoders import Encoder, Reading
from streamer.models.text.clauses import CLOSING, CONJUNCTIONS
from streamer.models.text.clitics import whole
from streamer.models.text.tokens import SentenceEnd, Token, Tokens

MarkKind = Literal["token", "piece", "empty"]


class Mark(NamedTuple):
    """What an input step stands for: a word and its place in bytes, or nothing after a sentence.

    The first step of a word is a "token", its other steps are "piece"s of it. The step is certain after
    `known` bytes of the text.
    """

    start: int
    end: int
    text: str
    kind: MarkKind
    known: int


class TextFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a stream's text is written. "spaced": spaces separate its words, newlines its sentences."""

    encoding: Literal["utf8"] = "utf8"
    tokens: Literal["plain", "spaced"] = "plain"


def text_format(value: Any) -> TextFormat:
    """`value` as a format. OptionError "options.format..."."""
    try:
        return msgspec.convert(value, TextFormat)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise OptionError(f"options.format{place.rstrip('`')}", text, "bad_format") from None


class TextSteps(NamedTuple):
    """Input steps float32 [n, channels] and the mark of each."""

    x: np.ndarray
    marks: list[Mark]


class TextFeeder:
    """Turns the text of one stream into input steps.

    Law: the steps are a function of the text and of where its sentences were ended, however the
    text was cut. A sentence that has more steps than its encoder takes is ended at a clause.
    """

    def __init__(self, format: TextFormat, reading: Reading):
        self.format = format
        # Whoever parts words with spaces says which words there are.
        self._split = reading.split if format.tokens == "plain" else whole
        self._encoder: Encoder = reading.encoder
        self._tokens = Tokens(format.tokens)
        self._count = 0  # steps of the sentence

    def feed(self, payload: bytes | memoryview) -> TextSteps:
        """The steps that `payload` completes. PayloadError for bytes that aren't UTF-8 text."""
        return self._steps(self._tokens.feed(payload))

    def end_sentence(self) -> TextSteps:
        """The steps that the end of a sentence here completes."""
        return self._steps(self._tokens.end_sentence())

    def end_text(self) -> TextSteps:
        """The steps that the end of the text completes."""
        return self._steps(self._tokens.end_text())

    @property
    def half(self) -> bytes:
        """The bytes so far of a character that isn't complete."""
        return self._tokens.half

    def save(self) -> bytes:
        """The feeder's whole state."""
        return msgspec.msgpack.encode((self._tokens.save(), self._count))

    def restore(self, value: bytes) -> None:
        """Go on where `save` was called."""
        tokens, self._count = msgspec.msgpack.decode(value, type=tuple[bytes, int])
        self._tokens.restore(tokens)

    def _steps(self, tokens: Sequence[Token | SentenceEnd]) -> TextSteps:
        parts: list[np.ndarray] = [np.empty((0, self._encoder.channels), np.float32)]
        marks: list[Mark] = []
        for token in tokens:
            if isinstance(token, SentenceEnd):
                self._end(token.known, parts, marks)
            else:
                for word in self._split(token):
                    self._add(word, parts, marks)
        return TextSteps(np.concatenate(parts), marks)

    def _add(self, word: Token, parts: list[np.ndarray], marks: list[Mark]) -> None:
        most = self._encoder.most
        steps = self._encoder.steps(word.text, not self._count)
        late = most and (
            self._count + len(steps) > most
            or (self._count > most * 3 // 4 and word.text.lower() in CONJUNCTIONS)
        )
        if late and self._count:
            self._end(word.known, parts, marks)
            steps = self._encoder.steps(word.text, True)
        self._count += len(steps)
        parts.append(steps)
        for number in range(len(steps)):
            kind: MarkKind = "piece" if number else "token"
            marks.append(Mark(word.start, word.end, word.text, kind, word.known))
        if most and self._count > most // 2 and word.text[-1] in CLOSING:
            self._end(word.known, parts, marks)

    def _end(self, known: int, parts: list[np.ndarray], marks: list[Mark]) -> None:
        if not self._count:
            return  # a clause has ended it already
        tail = self._encoder.tail(self._count)
        parts.append(tail)
        marks += [Mark(known, known, "", "empty", known)] * len(tail)
        self._count = 0
