"""Subtitles that can be read: an utterance cut into cues of two short lines."""

from collections.abc import Sequence
from typing import NamedTuple

LONGEST_SECONDS, LONGEST_LINE = 7.0, 42  # of a cue, and characters of each of its two lines
PAUSE_WEIGHT = 0.5  # what a second of silence is worth against cutting in the middle


class Cue(NamedTuple):
    """What is shown from `start` to `end`, in seconds; a line break where it is longer than a line."""

    start: float
    end: float
    text: str


class CueWord(NamedTuple):
    """A word and when it was said, in seconds."""

    text: str
    start: float
    end: float


def cues(words: Sequence[CueWord]) -> list[Cue]:
    """The words of an utterance as cues, cut at pauses and near the middle; none for no words."""
    if not words:
        return []
    text = _two_lines([word.text for word in words])
    short = words[-1].end - words[0].start <= LONGEST_SECONDS
    if len(words) == 1 or (text and short):
        return [Cue(words[0].start, words[-1].end, text or words[0].text)]
    cut = _cut(words)
    return cues(words[:cut]) + cues(words[cut:])


def _cut(words: Sequence[CueWord]) -> int:
    """Where to part the words: far from both ends of the text, and at a long silence."""
    sizes = [len(word.text) + 1 for word in words]
    total = sum(sizes)

    def worth(cut: int) -> float:
        silence = min(1.0, words[cut].start - words[cut - 1].end)
        return min(1.0, PAUSE_WEIGHT * silence) - abs(sum(sizes[:cut]) / total - 0.5)

    return max(range(1, len(words)), key=worth)


def _two_lines(texts: Sequence[str]) -> str | None:
    """One line where it fits, else two of nearly the same length; None where they don't fit either."""
    whole = " ".join(texts)
    if len(whole) <= LONGEST_LINE:
        return whole
    halves = [(" ".join(texts[:cut]), " ".join(texts[cut:])) for cut in range(1, len(texts))]
    best = min(halves, key=lambda pair: max(map(len, pair)), default=(whole, ""))
    return "\n".join(best) if max(map(len, best)) <= LONGEST_LINE else None
