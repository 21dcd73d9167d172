"""What a recording says, with its times."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec


class TranscribedWord(msgspec.Struct, frozen=True):
    """A word, when it was said (seconds of the recording), and how sure the reader is of it."""

    word: str
    start: float
    end: float
    confidence: float


class Segment(msgspec.Struct, frozen=True):
    """An utterance, in seconds of the recording."""

    start: float
    end: float
    text: str
    words: tuple[TranscribedWord, ...]


class Transcript(msgspec.Struct, frozen=True):
    """What a recording of `seconds` says, utterance by utterance; its `str` is the text."""

    seconds: float
    text: str
    segments: tuple[Segment, ...]

    def __str__(self) -> str:
        return self.text

    @property
    def words(self) -> tuple[TranscribedWord, ...]:
        """The words of all segments, in order."""
        return tuple(word for segment in self.segments for word in segment.words)


class _Word(Protocol):
    """A word as a reader or the wire has it; its positions are whole numbers of some unit."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def confidence(self) -> float: ...


class _Utterance(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def words(self) -> Sequence[_Word]: ...


def transcript(seconds: float, segments: Iterable[Segment]) -> Transcript:
    """The segments of a recording, in order, as one; those without text are left out."""
    spoken = tuple(segment for segment in segments if segment.text)
    return Transcript(round(seconds, 3), " ".join(segment.text for segment in spoken), spoken)


def segment(utterance: _Utterance, position_s: float, start: float, end: float) -> Segment:
    """An utterance whose words' positions, `position_s` long each, count from `start`.

    No time lies outside `start` to `end`, the seconds of the recording that the utterance is from.
    """
    words = tuple(
        TranscribedWord(
            word.text,
            _within(start + word.start * position_s, start, end),
            _within(start + word.end * position_s, start, end),
            round(word.confidence, 3),
        )
        for word in utterance.words
    )
    if not words:
        return Segment(_within(start, start, end), _within(end, start, end), utterance.text, ())
    return Segment(words[0].start, words[-1].end, utterance.text, words)


def _within(seconds: float, start: float, end: float) -> float:
    return round(min(max(seconds, start), end), 3)
