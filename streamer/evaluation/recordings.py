"""A recording to evaluate on: its sound, its text, and when each word is spoken where that is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import soxr

COMMON_RATE_HZ = 16000  # what recordings of different rates are joined at


@dataclass(frozen=True)
class SpokenWord:
    """A word of the reference, in seconds from the recording's start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Recording:
    """samples [n] float32, mono, at `rate_hz`; `words` is None where no alignment is known."""

    key: str
    text: str
    samples: np.ndarray
    rate_hz: int
    words: tuple[SpokenWord, ...] | None = None

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz

    def at(self, rate_hz: int) -> "Recording":
        """The same recording at another sample rate."""
        if rate_hz == self.rate_hz:
            return self
        return replace(self, samples=soxr.resample(self.samples, self.rate_hz, rate_hz), rate_hz=rate_hz)


def join(key: str, parts: Sequence[Recording], silence_seconds: float = 0.0) -> Recording:
    """`parts` one after the other, a silence after each; the words keep their places.

    Word times are known only where they are known for every part that has a text.
    """
    sounds, words, at = [], [], 0
    silence = np.zeros(round(silence_seconds * COMMON_RATE_HZ), np.float32)
    for part in (part.at(COMMON_RATE_HZ) for part in parts):
        offset = at / COMMON_RATE_HZ
        words += [SpokenWord(word.text, word.start + offset, word.end + offset) for word in part.words or ()]
        sounds += [part.samples, silence]
        at += len(part.samples) + len(silence)
    known = all(part.words is not None for part in parts if part.text)
    samples = np.concatenate([np.zeros(0, np.float32), *sounds])
    text = " ".join(part.text for part in parts if part.text)
    return Recording(key, text, samples, COMMON_RATE_HZ, tuple(words) if known else None)


def join_to_length(
    recordings: Iterable[Recording], minutes: float, silence_seconds: float
) -> list[Recording]:
    """All `recordings`, in order, joined into long ones of about `minutes` each."""
    joined: list[Recording] = []
    parts: list[Recording] = []
    length = 0.0
    for recording in recordings:
        parts.append(recording)
        length += recording.seconds + silence_seconds
        if length >= minutes * 60:
            joined.append(join(f"joined-{len(joined)}", parts, silence_seconds))
            parts, length = [], 0.0
    if parts:
        joined.append(join(f"joined-{len(joined)}", parts, silence_seconds))
    return joined


def looped(recordings: Sequence[Recording], minutes: float, silence_seconds: float) -> list[Recording]:
    """`recordings` again from the first until they fill `minutes`; once all, where they are longer."""
    total = sum(recording.seconds + silence_seconds for recording in recordings)
    if total <= 0:
        return list(recordings)
    rounds = [*recordings] * max(1, ceil(60 * minutes / total))
    lengths = np.cumsum([recording.seconds + silence_seconds for recording in rounds])
    enough = int(np.searchsorted(lengths, 60 * minutes)) + 1
    return rounds[: max(len(recordings), enough)]
