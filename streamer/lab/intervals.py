"""Means with bootstrap intervals (Efron 1979): over the rows, and over the seeds where there are several."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

DRAWS = 1000


class Interval(NamedTuple):
    """A mean and the bounds that 95 % of the draws lie between."""

    mean: float
    low: float
    high: float


def interval(hits: Sequence[Sequence[bool]], seed: int = 1) -> Interval:
    """The mean of `hits`, by seed and row: each draw takes seeds anew, and then rows."""
    found = np.asarray(hits, np.float64)
    return Interval(float(found.mean()), *_bounds(found, seed))


def gap(better: Sequence[Sequence[bool]], worse: Sequence[Sequence[bool]], seed: int = 1) -> Interval:
    """How much higher the mean of `better` is; both are of the same rows, which are drawn together."""
    found = np.asarray(better, np.float64) - np.asarray(worse, np.float64)
    return Interval(float(found.mean()), *_bounds(found, seed))


def _bounds(found: np.ndarray, seed: int) -> tuple[float, float]:
    random = np.random.default_rng(seed)
    seeds, rows = found.shape
    means = []
    for _ in range(DRAWS):
        by_row = found[random.integers(seeds, size=seeds)].mean(0)
        means.append(by_row[random.integers(rows, size=rows)].mean())
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
