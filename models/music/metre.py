"""The bars of a piece that come without bar lines."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LEAST_CHANGES = 4  # that tell one length of bars from another


class Metre(NamedTuple):
    """The steps of a bar, and of the upbeat before the first whole bar."""

    bar: int
    upbeat: int


def metre(changes: Sequence[int] | np.ndarray, bars: Sequence[int]) -> Metre:
    """The bars, of the lengths `bars` in steps, on whose first beats the harmony changes.

    `changes` are the steps where it does. The bar is the one at whose best place the most changes stand,
    relative to chance, and the first of `bars` where there are too few to tell.
    """
    places = np.asarray(changes, np.int64)
    if len(places) < LEAST_CHANGES:
        bars = bars[:1]
    counts = [np.bincount(places % bar, minlength=bar) for bar in bars]
    bar, best = max(zip(bars, counts), key=lambda pair: pair[0] * pair[1].max())
    return Metre(bar, int(best.argmax()))


def changes_of(voice: np.ndarray) -> np.ndarray:
    """The steps of `voice` [T] at which its symbol isn't that of the step before."""
    return np.flatnonzero(np.diff(voice)) + 1
