"""What steps the streams of one stage, whatever it runs on. No torch here."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from streamer.runtime.geometry import Geometry


class Runner(Protocol):
    """Steps the streams of one stage. Streams have rows from 1 on; the caller says which."""

    geometry: Geometry
    device: str  # for people

    def open(self, row: int) -> None:
        """A new stream begins in `row`."""

    def step(self, rows: Sequence[int], x: np.ndarray) -> np.ndarray:
        """Step the streams in `rows` [B] with x [B, n*block, C] -> outputs [B, m, D]."""

    def take(self, rows: Sequence[int]) -> tuple[np.ndarray, ...]:
        """The states of the streams in `rows` [B], leaf by leaf, each [B, ...]."""

    def put(self, row: int, state: Sequence[np.ndarray]) -> None:
        """Make the state of `row` the leaves [1, ...] that `take` gave. ValueError for another stage's."""

    def peek(self, row: int, x: np.ndarray) -> np.ndarray:
        """What x [n*block, C] would give on the stream in `row`, which stays as it is: [m, D]."""


class DeviceFault(Exception):
    """The device failed; nothing on it can be read any more."""
