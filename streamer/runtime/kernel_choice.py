"""The fastest way to step a stage on this CPU, measured once and remembered on disk."""

import hashlib
import platform
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import msgspec
import torch

from streamer.models.kernels.candidates import Kernel, candidates, version
from streamer.models.layers.stage import Stage
from streamer.output_file import write_bytes
from streamer.runtime.cpu import Step

WIDTHS = (1, 4, 16, 64, 256, 1024)  # measured up to the widest batch; between them the wider decides
BLOCKS = 2  # blocks in a measured step
RUNS = 7  # the best of so many counts
BF16 = "bf16"  # the name of the kernel that rounds


def fastest(
    stage: Stage, max_batch: int, bf16: bool = False, cache: Path | None = None
) -> Callable[[int], Step]:
    """Batch width -> the step of `stage` that measured fastest there, by torch's current threads.

    `cache` is a folder that remembers choices by CPU, torch, threads, architecture and kernels. What can't
    be read there is measured again, and what can't be written is not remembered.
    """
    kernels = {kernel.name: kernel for kernel in candidates(stage, bf16)}
    if BF16 in kernels:
        # Never one precision for narrow batches and another for wide ones: texts would change.
        kernels = {BF16: kernels[BF16]}
    widths = [width for width in WIDTHS if width < max_batch] + [max_batch]
    path = cache / f"kernels-{_key(stage, kernels, widths)}.json" if cache else None
    names = (_remembered(path, len(widths), kernels) if path else None) or _measured(
        stage, kernels, widths, path
    )
    steps = [(width, kernels[name].step) for width, name in zip(widths, names)]

    def kernel(width: int) -> Step:
        return next((step for limit, step in steps if limit >= width), steps[-1][1])

    return kernel


def _measured(stage: Stage, kernels: dict[str, Kernel], widths: list[int], path: Path | None) -> list[str]:
    names = [min(kernels, key=lambda name: _seconds(stage, kernels[name], width)) for width in widths]
    if path:
        _remember(path, names)
    return names


@torch.inference_mode()
def _seconds(stage: Stage, kernel: Kernel, width: int) -> float:
    # Random, as in use: a network may compute no more than its input asks for, and zeros ask for nothing.
    random = torch.Generator().manual_seed(0)
    x = torch.randn(width, BLOCKS * stage.block, stage.in_features, generator=random) + stage.neutral
    state, best = stage.initial_state(width), float("inf")
    for _ in range(RUNS):
        began = perf_counter()
        _, state = kernel.step(x, state)
        best = min(best, perf_counter() - began)
    return best


def _key(stage: Stage, kernels: dict[str, Kernel], widths: list[int]) -> str:
    """What a choice depends on, as a file name."""
    shapes = [(name, list(value.shape)) for name, value in stage.state_dict().items()]
    modules = [type(module).__name__ for module in stage.modules()]
    sizes = [stage.block, stage.in_features, stage.out_features]
    machine = [_cpu(), str(torch.__version__), torch.get_num_threads()]
    parts = [*machine, sizes, shapes, modules, list(kernels), widths, version()]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:24]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _remembered(path: Path, count: int, kernels: dict[str, Kernel]) -> list[str] | None:
    try:
        names = msgspec.json.decode(path.read_bytes(), type=list[str])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return names if len(names) == count and all(name in kernels for name in names) else None


def _remember(path: Path, names: list[str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, msgspec.json.encode(names))
    except (ValueError, OSError):
        # A read-only home is no reason not to run.
        return
