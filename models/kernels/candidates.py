"""Ways to compute one stage's step on a CPU, for a runner to measure against each other."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import torch
from torch import Tensor, nn

from streamer.models.audio.features import LogMel
from streamer.models.audio.level import Level
from streamer.models.kernels.decoder_kernel import UnrolledDecoder
from streamer.models.kernels.features_kernel import CompiledLogMel
from streamer.models.kernels.level_kernel import CompiledLevel
from streamer.models.kernels.norm_kernel import CompiledLayerNorm
from streamer.models.kernels.products import (
    BFloat16Product,
    PackedLinear,
    PackedProduct,
    Product,
    TransposedProduct,
    has_bf16,
    has_packed,
)
from streamer.models.kernels.recurrent_kernel import (
    UnrolledGRU,
    UnrolledLSTM,
    UnrolledRNN,
    UnrolledSentenceLSTM,
)
from streamer.models.layers.attention import AttentionDecoder
from streamer.models.layers.feedforward import LayerNorm
from streamer.models.layers.recurrent import GRU, LSTM, RNN
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State

TOLERANCE = 1e-4  # largest difference from the stage's own step, at outputs of the order of one
BF16_TOLERANCE = 0.05
CHECKED_STEPS = 4


@dataclass(frozen=True)
class Kernel:
    """A step under a name. It takes the stage's own states and gives its results to a tolerance."""

    name: str
    step: Callable[[Tensor, State], tuple[Tensor, State]]


def candidates(stage: Stage, bf16: bool = False) -> list[Kernel]:
    """The kernels that compute `stage`, its own step ("fused") first.

    A kernel that does not agree with it is left out: a stage of the user's own may read what was
    replaced. `bf16` adds products of bfloat16 where the CPU has them; states stay float32. torch's fused
    LSTM calls oneDNN, which packs the weights at every call: "unrolled" is faster up to a batch of some
    hundreds, where the product outweighs the packing. "packed" has oneDNN's products too, its weights
    packed once: where MKL leaves AVX-512 alone, as on an AMD, it is twice as fast.
    """
    products: list[tuple[str, type[Product], float]] = [("unrolled", TransposedProduct, TOLERANCE)]
    if has_packed():
        products.append(("packed", PackedProduct, TOLERANCE))
    if bf16 and has_bf16():
        products.append(("bf16", BFloat16Product, BF16_TOLERANCE))
    kernels = [Kernel("fused", stage.step)]
    for name, product, tolerance in products:
        other = _replaced(deepcopy(stage), product)
        if isinstance(other, Stage) and _agree(stage, other, tolerance):
            kernels.append(Kernel(name, other.step))
    return kernels


def version(folder: Path = Path(__file__).parent) -> int:
    """A checksum of the kernels' code, so that a choice measured with other kernels is not taken over."""
    checksum = 0
    for path in sorted(folder.glob("*.py")):
        checksum = crc32(path.read_bytes(), checksum)
    return checksum


REPLACEMENTS: dict[type, Callable[..., nn.Module]] = {  # each takes the module and the kind of product
    RNN: UnrolledRNN,
    LSTM: UnrolledLSTM,
    GRU: UnrolledGRU,
    SentenceLSTM: UnrolledSentenceLSTM,
    AttentionDecoder: UnrolledDecoder,
    LogMel: CompiledLogMel,
    Level: CompiledLevel,
    LayerNorm: CompiledLayerNorm,
}


def _replaced(module: nn.Module, product: type[Product]) -> nn.Module | None:
    """`module`, changed in place, with the parts that `REPLACEMENTS` has; None if it has none of them."""
    if type(module) in REPLACEMENTS:
        return REPLACEMENTS[type(module)](module, product)
    if type(module) is nn.Linear and product is PackedProduct:
        return PackedLinear(module)
    children = [(name, _replaced(child, product)) for name, child in module.named_children()]
    for name, replacement in children:
        if replacement is not None:
            module.register_module(name, replacement)
    return module if any(replacement is not None for _, replacement in children) else None


def _agree(stage: Stage, other: Stage, tolerance: float) -> bool:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, CHECKED_STEPS * stage.block, stage.in_features, generator=random)
    try:
        with torch.inference_mode():
            wanted, wanted_state = stage.step(x, stage.initial_state(2))
            y, state = other.step(x, other.initial_state(2))
    except (RuntimeError, AttributeError):
        return False
    return all(
        a.shape == b.shape and torch.allclose(a, b, atol=tolerance, rtol=tolerance)
        for a, b in zip((wanted, *wanted_state), (y, *state))
    )
