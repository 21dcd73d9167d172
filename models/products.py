"""What a network multiplies, and how fast this machine can: the two sides of a share of the peak."""

from time import perf_counter

import torch
from torch import nn

from models.recurrent import Recurrent
from models.stage import Stage

SIZES = (256, 512, 1024)  # of square products
SECONDS = 0.3  # that each size is measured for


def products_per_block(stage: Stage) -> int | None:
    """Floating-point operations of one block's matrix products, of one stream: two a weight.

    Counts recurrent, linear and convolution weights. None for a stage that is not a chain of such
    at one output a block: how often a loop inside it takes a weight can't be read from its shape.
    """
    if stage.block * stage.ratio != 1 or any(isinstance(one, nn.Embedding) for one in stage.modules()):
        return None
    kinds = (Recurrent, nn.Linear, nn.Conv1d, nn.Conv2d, nn.LSTM, nn.GRU, nn.RNN)
    weights = [
        value.numel()
        for one in stage.modules()
        if isinstance(one, kinds)
        for value in one.parameters(recurse=False)
        if value.dim() > 1
    ]
    return 2 * sum(weights)


@torch.inference_mode()
def product_rate(threads: int, dtype: torch.dtype = torch.float32) -> float:
    """Operations a second of the best square product that was measured, with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return max(_rate(size, dtype) for size in SIZES)
    finally:
        torch.set_num_threads(before)


def _rate(size: int, dtype: torch.dtype) -> float:
    a, b = torch.randn(2, size, size).to(dtype)
    best, until = float("inf"), perf_counter() + SECONDS
    while perf_counter() < until:
        began = perf_counter()
        a @ b
        best = min(best, perf_counter() - began)
    return 2 * size**3 / best
