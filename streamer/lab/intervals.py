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


def interval(hits: Sequence[Sequence[float]], seed: int = 1) -> Interval:
    """The mean of `hits`, by seed and row: each draw takes seeds with replacement, and then rows."""
    return _interval(np.asarray(hits, np.float64), seed)


def gap(better: Sequence[Sequence[float]], worse: Sequence[Sequence[float]], seed: int = 1) -> Interval:
    """How much higher the mean of `better` is; both are of the same rows, which are drawn together."""
    return _interval(np.asarray(better, np.float64) - np.asarray(worse, np.float64), seed)


def _interval(values: np.ndarray, seed: int) -> Interval:
    random = np.random.default_rng(seed)
    seeds, rows = values.shape
    means = []
    for _ in range(DRAWS):
        by_row = values[random.integers(seeds, size=seeds)].mean(0)
        means.append(by_row[random.integers(rows, size=rows)].mean())
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))
