"""What a task of the comparison is: networks to train, examples to score, a unit to wait in."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from torch import Tensor, nn

from streamer.lab.latency.views import View
from streamer.models.training.fit import Pace

Error = Callable[[np.ndarray], float]  # between 0 and 1, of the summed counts [S] of some examples


class Scored(NamedTuple):
    """Of each example: counts that an error is made of [N, S], what its outputs waited, and how much it is.

    `waited` [N] is the sum over an example's outputs, `outputs` [N] how many they are, `amount` [N]
    the input that was read for it in hours of speech; a text counts as spoken at 150 words a minute.
    """

    counts: np.ndarray
    waited: np.ndarray
    outputs: np.ndarray
    amount: np.ndarray


N = TypeVar("N", bound=nn.Module)  # a task's kind of network


class LatencyTask(Protocol[N]):
    """A task, its data read."""

    name: str
    unit: str  # of waiting: "ms" or "words"
    measure: str  # what an error is
    views: tuple[View, ...]
    pace: Pace

    def network(self, view: View, depth: int) -> N:
        """An untrained network, as large as every other of this task."""

    def batches(self) -> Iterator[np.ndarray]:
        """Training examples by number, without end."""

    def loss(self, network: N, number: int, chosen: np.ndarray) -> Tensor:
        """What update `number` makes smaller."""

    def scored(self, network: N, view: View) -> Scored:
        """The dev examples."""

    def error(self, counts: np.ndarray) -> float:
        """The error that summed counts [S] make, between 0 and 1."""
