"""Whether confidences are calibrated: of the words with a confidence of 0.8, eight in ten should be right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """`table`: for each tenth of the confidences that occurs [mean confidence, share right, words].

    `error` is the expected calibration error (Guo 2017): the mean distance of the two, by words.
    """

    error: float | None
    table: list[list[float]]


def reliability(confidences: Sequence[float], right: Sequence[bool]) -> Reliability:
    """Of words with their confidences and whether they are right."""
    if not len(confidences):
        return Reliability(None, [])
    confidence, correct = np.asarray(confidences, float), np.asarray(right, float)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    table = [
        [float(confidence[bins == b].mean()), float(correct[bins == b].mean()), int((bins == b).sum())]
        for b in np.unique(bins)
    ]
    error = sum(words * abs(mean - share) for mean, share, words in table) / len(confidence)
    rounded = [[round(mean, 3), round(share, 3), words] for mean, share, words in table]
    return Reliability(error, rounded)
