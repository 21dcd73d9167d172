"""A stage and the states of its streams on the CPU."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from streamer.models.layers.stage import Stage, State
from streamer.runtime.arena import Arena
from streamer.runtime.geometry import geometry
from streamer.runtime.runner import Runner

Step = Callable[[Tensor, State], tuple[Tensor, State]]
CPU = torch.device("cpu")


def put(arena: Arena, row: int, state: Sequence[np.ndarray]) -> None:
    """Write leaves [1, ...] from the host into `row`. ValueError where they are another stage's."""
    given = tuple(torch.from_numpy(leaf).to(arena.device) for leaf in state)
    if not arena.fits(given):
        raise ValueError("the leaves are another stage's")
    arena.put(torch.tensor([row], device=arena.device), given)


class CpuRunner(Runner):
    """Runs a stage on the CPU; `kernel` gives the step to use for a batch of so many streams."""

    device = "cpu"

    def __init__(self, stage: Stage, rows: int, kernel: Callable[[int], Step]):
        self.geometry, self.kernel = geometry(stage), kernel
        self.arena = Arena(stage, rows, CPU)

    @torch.inference_mode()
    def open(self, row: int) -> None:
        self.arena.open(row)

    @torch.inference_mode()
    def step(self, rows: Sequence[int], x: np.ndarray) -> np.ndarray:
        # Past torch.tensor, which takes a number of a list at a time and ten times as long.
        which = torch.from_numpy(np.array(rows, np.int64))
        y, state = self.kernel(len(rows))(torch.from_numpy(x), self.arena.take(which))
        self.arena.put(which, state)
        return y.numpy()

    @torch.inference_mode()
    def take(self, rows: Sequence[int]) -> tuple[np.ndarray, ...]:
        taken = self.arena.take(torch.from_numpy(np.array(rows, np.int64)))
        return tuple(leaf.numpy() for leaf in taken)

    @torch.inference_mode()
    def put(self, row: int, state: Sequence[np.ndarray]) -> None:
        put(self.arena, row, state)

    @torch.inference_mode()
    def peek(self, row: int, x: np.ndarray) -> np.ndarray:
        y, _ = self.kernel(1)(torch.from_numpy(x)[None], self.arena.take(torch.tensor([row])))
        return y[0].numpy()

    @torch.inference_mode()
    def load(self, state: State) -> None:
        """Take over the states of all rows [rows + 1, ...]."""
        for leaf, value in zip(self.arena.state, state):
            leaf.copy_(value)
