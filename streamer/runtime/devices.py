"""Which device a stage runs on, chosen at start-up."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from streamer.models.kernels.products import has_bf16
from streamer.models.layers.stage import Stage
from streamer.runtime.cpu import CpuRunner
from streamer.runtime.cuda import CudaRunner
from streamer.runtime.failover import FailoverRunner
from streamer.runtime.kernel_choice import fastest
from streamer.runtime.runner import DeviceFault, Runner


class Devices:
    """Makes runners on the device that `device` (auto, cpu, cuda) stands for on this machine.

    `bf16` lets networks multiply bfloat16 on CPUs that can. `cache` is a folder for measurements.
    ValueError where cuda is asked for and there is none.
    """

    def __init__(
        self,
        device: str,
        max_batch: int,
        announce: Callable[[str], None],
        bf16: bool = False,
        cache: Path | None = None,
    ):
        self.max_batch, self.announce, self.bf16, self.cache = max_batch, announce, bf16, cache
        self.cuda = device != "cpu" and torch.cuda.is_available()
        if device == "cuda" and not self.cuda:
            raise ValueError("device cuda: this machine has no usable CUDA device; use auto or cpu")

    @property
    def dtype(self) -> str:
        """The type of a network's products."""
        return "bfloat16" if self.bf16 and not self.cuda and has_bf16() else "float32"

    def front(self, stage: Stage, rows: int) -> Runner:
        """A runner of `rows` streams for a stage that makes features, which never round to bfloat16."""
        return self._runner(stage, rows, partial(self._on_cpu, stage, rows, False))

    def prepare_front(self, stage: Stage) -> None:
        """Choose the kernels of a front that may be needed later, where the choice is remembered."""
        if self.cache and not self.cuda:
            fastest(stage, self.max_batch, False, self.cache)

    def network(self, stage: Stage, rows: int) -> Runner:
        """A runner of `rows` streams; on a CPU with the kernels that measured fastest."""
        return self._runner(stage, rows, partial(self._on_cpu, stage, rows, self.bf16))

    def _on_cpu(self, stage: Stage, rows: int, bf16: bool) -> CpuRunner:
        return CpuRunner(stage, rows, fastest(stage, self.max_batch, bf16, self.cache))

    def _runner(self, stage: Stage, rows: int, on_cpu: Callable[[], CpuRunner]) -> Runner:
        if self.cuda:
            try:
                runner = CudaRunner(stage, rows, self.max_batch)
                return FailoverRunner(runner, on_cpu, self.announce)
            except DeviceFault as fault:
                self.announce(f"CUDA failed at start ({fault}); running on the CPU")
                self.cuda = False
        return on_cpu()
