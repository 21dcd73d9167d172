"""The products that a network needs, and how fast this machine multiplies."""

from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor, nn

from streamer import wire
from streamer.config import Config
from streamer.models.kernels.products import has_packed, pack, packed_product
from streamer.models.layers.recurrent import Recurrent
from streamer.models.layers.stage import Stage
from streamer.server.loading import load_model

SIZES = (256, 512, 1024)  # of square products
SECONDS = 0.3  # that each size is measured for, by either library


def products_per_block(stage: Stage) -> int | None:
    """Floating-point operations of one block's matrix products, of one stream: two a weight.

    Counts recurrent, linear and convolution weights. None for a stage that is not a chain of such
    at one output a block: how often a loop inside it takes a weight can't be read from its shape.
    """
    modules = list(stage.modules())
    if stage.block * stage.ratio != 1 or any(isinstance(module, nn.Embedding) for module in modules):
        return None
    kinds = (Recurrent, nn.Linear, nn.Conv1d, nn.Conv2d, nn.LSTM, nn.GRU, nn.RNN)
    weights = [
        weight.numel()
        for module in modules
        if isinstance(module, kinds)
        for weight in module.parameters(recurse=False)
        if weight.dim() > 1
    ]
    return 2 * sum(weights)


@torch.inference_mode()
def product_rate(threads: int) -> float:
    """Operations a second of the best square product that was measured, with so many threads.

    Of torch's own product and, where there is one, oneDNN's: which library is faster depends on the CPU.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return max(_rate(product, size) for product in _products() for size in SIZES)
    finally:
        torch.set_num_threads(before)


def _products() -> list[Callable[[int], Callable[[], Tensor]]]:
    """The products of two square matrices that are measured, by their size."""

    def own(size: int) -> Callable[[], Tensor]:
        a, b = torch.randn(2, size, size)
        return lambda: a @ b

    def packed(size: int) -> Callable[[], Tensor]:
        a, b = torch.randn(2, size, size)
        weight = pack(b)
        return lambda: packed_product(a, weight)

    return [own, packed] if has_packed() else [own]


def _rate(product: Callable[[int], Callable[[], Tensor]], size: int) -> float:
    multiply = product(size)
    best, until = float("inf"), perf_counter() + SECONDS
    while perf_counter() < until:
        began = perf_counter()
        multiply()
        best = min(best, perf_counter() - began)
    return 2 * size**3 / best


class Peak:
    """The product rate of this machine, measured before a run, and the products of a model's blocks."""

    def __init__(self, config: Config, name: str):
        network = load_model(config, name).network
        self.products = products_per_block(network) if isinstance(network, Stage) else None
        self.rate = product_rate(config.engine.threads) if self.products else 0.0

    def share(self, before: wire.Work, after: wire.Work) -> float | None:
        """The share of `rate` that the steps between reached; None where it is unknown."""
        seconds = after.cpu_seconds - before.cpu_seconds
        if not self.products or seconds <= 0:
            return None
        return self.products * (after.blocks - before.blocks) / seconds / self.rate
