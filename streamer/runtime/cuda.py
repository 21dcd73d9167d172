"""A runner on a CUDA device: one captured graph for each batch width and count of blocks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from streamer.models.layers.stage import Stage, State
from streamer.runtime.arena import Arena
from streamer.runtime.cpu import put
from streamer.runtime.failover import FaultableRunner
from streamer.runtime.geometry import geometry
from streamer.runtime.runner import DeviceFault

WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CAPTURED_BLOCKS = (1, 2, 3, 4)  # a step of more blocks is long enough to be launched by hand


class CudaRunner(FaultableRunner):
    """Runs a copy of `stage` on a CUDA device. Any failure of the device is a `DeviceFault`."""

    def __init__(self, stage: Stage, rows: int, max_batch: int):
        self.geometry = geometry(stage)
        with faults():
            where = torch.device("cuda", torch.cuda.current_device())
            self.device = torch.cuda.get_device_name(where)
            self.stage = deepcopy(stage).to(where)
            self.arena = Arena(self.stage, rows, where)
            self.widths = [width for width in WIDTHS if width < max_batch]
            self.widths.append(next((w for w in WIDTHS if w >= max_batch), max_batch))
            pool = torch.cuda.graph_pool_handle()
            self.graphs = {
                (width, blocks): Captured(self.stage, self.arena, width, blocks, pool)
                for width in self.widths
                for blocks in CAPTURED_BLOCKS
            }

    def open(self, row: int) -> None:
        with faults():
            self.arena.open(row)

    def step(self, rows: Sequence[int], x: np.ndarray) -> np.ndarray:
        width = next(width for width in self.widths if width >= len(rows))
        graph = self.graphs.get((width, x.shape[1] // self.geometry.block))
        with faults():
            if graph is not None:
                return graph.replay(rows, x)
            which = torch.tensor(rows, device=self.arena.device)
            y, state = self.stage.step(self._sent(x), self.arena.take(which))
            self.arena.put(which, state)
            return y.cpu().numpy()

    def take(self, rows: Sequence[int]) -> tuple[np.ndarray, ...]:
        with faults():
            taken = self.arena.take(torch.tensor(rows, device=self.arena.device))
            return tuple(leaf.cpu().numpy() for leaf in taken)

    def put(self, row: int, state: Sequence[np.ndarray]) -> None:
        with faults():
            put(self.arena, row, state)

    def peek(self, row: int, x: np.ndarray) -> np.ndarray:
        with faults():
            which = torch.tensor([row], device=self.arena.device)
            y, _ = self.stage.step(self._sent(x[None]), self.arena.take(which))
            return y[0].cpu().numpy()

    def snapshot(self) -> State:
        """The states of all rows, on the host."""
        with faults():
            return tuple(leaf.cpu() for leaf in self.arena.state)

    def _sent(self, x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).to(self.arena.device)


class Captured:
    """take, step and put of `width` streams and `blocks` blocks as one CUDA graph.

    Fewer streams fill the rest with row 0, the arena's scratch. `pool` is torch's handle of their memory.
    """

    def __init__(self, stage: Stage, arena: Arena, width: int, blocks: int, pool: Any):
        where = arena.device
        self.rows = torch.zeros(width, dtype=torch.long, device=where)
        self.x = torch.zeros(width, blocks * stage.block, stage.in_features, device=where)

        def step() -> Tensor:
            y, state = stage.step(self.x, arena.take(self.rows))
            arena.put(self.rows, state)
            return y

        # Libraries choose their algorithms and allocate on the first calls, which can't be captured.
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                step()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, pool=pool):
            self.y = step()

    def replay(self, rows: Sequence[int], x: np.ndarray) -> np.ndarray:
        padded = list(rows) + [0] * (len(self.rows) - len(rows))
        self.rows.copy_(torch.tensor(padded))
        self.x[: len(rows)].copy_(torch.from_numpy(x))
        self.graph.replay()
        return self.y[: len(rows)].cpu().numpy()


@contextmanager
def faults() -> Iterator[None]:
    """Inside, nothing records gradients, and what the device raises is a `DeviceFault`."""
    try:
        with torch.inference_mode():
            yield
    except RuntimeError as error:
        raise DeviceFault(" ".join(str(error).split())[:200]) from error
