"""What a recording says, with its times."""

from collections.abc import Iterable

import msgspec

from streamer.models.readers import Alternative


class SpokenWord(msgspec.Struct, frozen=True):
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
    words: tuple[SpokenWord, ...]


class Transcript(msgspec.Struct, frozen=True):
    """What a recording says."""

    seconds: float
    text: str
    segments: tuple[Segment, ...]


def transcript(seconds: float, segments: Iterable[Segment]) -> Transcript:
    """The segments of a recording, in order, as one."""
    said = tuple(segment for segment in segments if segment.text)
    return Transcript(round(seconds, 3), " ".join(segment.text for segment in said), said)


def segment(said: Alternative, position_s: float, start: float, end: float) -> Segment:
    """An utterance whose words' positions, `position_s` long each, count from `start`.

    No time lies outside `start` to `end`, the seconds of the recording that the utterance is from.
    """
    words = tuple(
        SpokenWord(
            word.text,
            _within(start + word.start * position_s, start, end),
            _within(start + word.end * position_s, start, end),
            round(word.confidence, 3),
        )
        for word in said.words
    )
    if not words:
        return Segment(_within(start, start, end), _within(end, start, end), said.text, ())
    return Segment(words[0].start, words[-1].end, said.text, words)


def _within(seconds: float, start: float, end: float) -> float:
    return round(min(max(seconds, start), end), 3)
