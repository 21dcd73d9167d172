"""Whether confidences mean what they say: of the words told with 0.8, eight in ten should be right."""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """`table`: for each tenth of the confidences that occurs [mean confidence, share right, words].

    `error` is the expected calibration error (Guo 2017): the mean distance of the two, by words.
    """

    error: float | None
    table: list[list[float]]


def right_words(reference: Sequence[str], said: Sequence[str]) -> list[bool]:
    """Which of the words `said` are right, the two aligned by edit distance."""
    right = [False] * len(said)
    if not reference or not said:
        return right
    aligned = jiwer.process_words(" ".join(reference), " ".join(said))
    for chunk in aligned.alignments[0]:
        if chunk.type == "equal":
            right[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (
                chunk.hyp_end_idx - chunk.hyp_start_idx
            )
    return right


def reliability(confidences: Sequence[float], right: Sequence[bool]) -> Reliability:
    """Of words with their confidences and whether they are right."""
    if not len(confidences):
        return Reliability(None, [])
    sure, good = np.asarray(confidences, float), np.asarray(right, float)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    table = [
        [float(sure[bins == b].mean()), float(good[bins == b].mean()), int((bins == b).sum())]
        for b in np.unique(bins)
    ]
    error = sum(words * abs(mean - share) for mean, share, words in table) / len(sure)
    rounded = [[round(mean, 3), round(share, 3), words] for mean, share, words in table]
    return Reliability(error, rounded)
