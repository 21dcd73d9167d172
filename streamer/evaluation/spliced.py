"""Commands in a running stream: clips, conversation and noise spliced at random."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.evaluation.recordings import COMMON_RATE_HZ, Recording, SpokenWord, join

SEED = 1
LONGEST_GAP_SECONDS = 0.5
EARLY_SECONDS, LATE_SECONDS = 0.25, 0.5  # how far from its clip a word's mark may lie


@dataclass(frozen=True)
class SplicedPart:
    """Where a recording lies in a spliced one, in seconds, and the vocabulary's words that it holds."""

    kind: str  # "clip" or "background"
    words: tuple[str, ...]
    start: float
    end: float


@dataclass(frozen=True)
class Spliced:
    """A running recording and the pieces that it was made of, in order."""

    recording: Recording
    pieces: tuple[SplicedPart, ...]


@dataclass(frozen=True)
class SplicedScore:
    """Recall over the clips' words; false words in conversation and noise, per hour of both."""

    recall: float | None
    clip_words: int
    false_words: int
    false_words_per_hour: float | None
    background_seconds: float


def splice(
    clips: Sequence[Recording],
    background: Sequence[Recording],
    vocabulary: Collection[str],
    minutes: float,
    seed: int = SEED,
) -> list[Spliced]:
    """All recordings in random order with short random gaps, in running ones of about `minutes`.

    Clips without a word of the vocabulary are left out.
    """
    kept = [("clip", r) for r in clips if _known(r.text, vocabulary)]
    kept += [("background", r) for r in background]
    random = np.random.default_rng(seed)
    spliced: list[Spliced] = []
    parts: list[Recording] = []
    pieces: list[SplicedPart] = []
    at = 0.0
    for index in random.permutation(len(kept)):
        kind, recording = kept[index]
        gap = round(random.uniform(0, LONGEST_GAP_SECONDS) * COMMON_RATE_HZ)
        recording = recording.at(COMMON_RATE_HZ)
        parts += [recording, Recording("gap", "", np.zeros(gap, np.float32), COMMON_RATE_HZ)]
        pieces.append(SplicedPart(kind, _known(recording.text, vocabulary), at, at + recording.seconds))
        at += recording.seconds + gap / COMMON_RATE_HZ
        if at >= minutes * 60:
            spliced.append(Spliced(join(f"spliced-{len(spliced)}", parts), tuple(pieces)))
            parts, pieces, at = [], [], 0.0
    if parts:
        spliced.append(Spliced(join(f"spliced-{len(spliced)}", parts), tuple(pieces)))
    return spliced


def score(runs: Sequence[tuple[Spliced, Sequence[SpokenWord]]], vocabulary: Collection[str]) -> SplicedScore:
    """What was heard in each spliced recording, against what its pieces hold.

    A clip's word counts as recalled where the same word is marked within the clip or close to it. A
    word of the vocabulary that conversation truly holds isn't false there.
    """
    expected = recalled = false = 0
    background = 0.0
    for spliced, heard in runs:
        left = [word for word in heard if word.text in vocabulary]
        for piece in (p for p in spliced.pieces if p.kind == "clip"):
            for word in piece.words:
                expected += 1
                mark = next((w for w in left if w.text == word and _near(w, piece)), None)
                if mark:
                    recalled += 1
                    left.remove(mark)
        for piece in (p for p in spliced.pieces if p.kind == "background"):
            marked = Counter(w.text for w in left if piece.start <= _middle(w) < piece.end)
            false += (marked - Counter(piece.words)).total()
            background += piece.end - piece.start
    return SplicedScore(
        recalled / expected if expected else None,
        expected,
        false,
        false * 3600 / background if background else None,
        background,
    )


def _known(text: str, vocabulary: Collection[str]) -> tuple[str, ...]:
    return tuple(word for word in text.split() if word in vocabulary)


def _middle(word: SpokenWord) -> float:
    return (word.start + word.end) / 2


def _near(word: SpokenWord, piece: SplicedPart) -> bool:
    return piece.start - EARLY_SECONDS <= _middle(word) <= piece.end + LATE_SECONDS
