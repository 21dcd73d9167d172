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
from streamer.models.kernels.gates import gru_gates, lstm_gates
from streamer.models.kernels.level_kernel import UnrolledLevel
from streamer.models.kernels.norm_kernel import CompiledLayerNorm
from streamer.models.kernels.products import has_packed, pack, packed_product
from streamer.models.layers.attention import AttentionDecoder
from streamer.models.layers.feedforward import LayerNorm
from streamer.models.layers.recurrent import GRU, LSTM, RNN, Recurrent
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State

TOLERANCE = 1e-4  # largest difference from the stage's own step, at outputs of the order of one
BF16_TOLERANCE = 0.05
CHECKED_STEPS = 4
FILES = (
    "candidates.py",
    "products.py",
    "decoder_kernel.py",
    "features_kernel.py",
    "level_kernel.py",
    "norm_kernel.py",
    "gates.py",
)


@dataclass(frozen=True)
class Kernel:
    """A step under a name. It takes the stage's own states and gives its results to a tolerance."""

    name: str
    step: Callable[[Tensor, State], tuple[Tensor, State]]


def candidates(stage: Stage, bf16: bool = False) -> list[Kernel]:
    """The kernels that compute `stage`, its own step ("fused") first.

    A kernel that does not agree with it (a stage of the user's own may read what was replaced) is
    left out. `bf16` adds products of bfloat16 where the CPU has them; states stay float32.
    torch's fused LSTM calls oneDNN, which packs the weights anew at every call: "unrolled" is
    faster up to a batch of some hundreds, where the product outweighs the packing. "packed" has oneDNN's
    products, too, its weights packed once: where MKL leaves AVX-512 alone, as on an AMD, twice as fast.
    """
    kernels = [Kernel("fused", stage.step)]
    for name, product, tolerance in (
        ("unrolled", Product, TOLERANCE),
        *([("packed", PackedProduct, TOLERANCE)] if has_packed() else []),
        *([("bf16", BFloat16Product, BF16_TOLERANCE)] if bf16 and has_bf16() else []),
    ):
        other = _replaced(deepcopy(stage), product)
        if other is not None and _agree(stage, other, tolerance):
            kernels.append(Kernel(name, other.step))
    return kernels


def version() -> int:
    """A checksum of what computes the steps: what was measured of another version says nothing of this one."""
    checksum = 0
    for name in FILES:
        checksum = crc32((Path(__file__).parent / name).read_bytes(), checksum)
    return checksum


def has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Product(nn.Module):
    """x [N, C] -> x W^T + b [N, rows], or with another addend; W transposed once, at load."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.register_buffer("weight", weight.t().contiguous(), persistent=False)

    def forward(self, addend: Tensor, x: Tensor) -> Tensor:
        return torch.addmm(addend, x, self.weight)

    def alone(self, x: Tensor) -> Tensor:
        """x W^T: what is to be added is added where the product is read."""
        return x @ self.weight


class PackedProduct(nn.Module):
    """The same by oneDNN, W packed once, at load."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.packed = pack(weight)

    def forward(self, addend: Tensor, x: Tensor) -> Tensor:
        return self.alone(x).add_(addend)

    def alone(self, x: Tensor) -> Tensor:
        """x W^T."""
        return packed_product(x, self.packed)


class BFloat16Product(nn.Module):
    """The same with operands and product rounded to bfloat16."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.packed = pack(weight.bfloat16())

    def forward(self, addend: Tensor, x: Tensor) -> Tensor:
        return addend + self._rounded(x)

    def alone(self, x: Tensor) -> Tensor:
        """x W^T."""
        return self._rounded(x).float()

    def _rounded(self, x: Tensor) -> Tensor:
        return packed_product(x.bfloat16(), self.packed)


AnyProduct = type[Product] | type[PackedProduct] | type[BFloat16Product]


class PackedLinear(nn.Module):
    """`nn.Linear` by oneDNN, its weights packed once."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.packed = pack(linear.weight.detach())
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """x [..., C] -> x W^T + b."""
        return packed_product(x, self.packed, self.bias)


class Unrolled(Stage):
    """A recurrent layer by hand: one product for all inputs, then a product and gates per step.

    Inside, steps come before streams: the inputs' shares of one step lie side by side.
    """

    order: tuple[int, ...] = (0,)  # of the gates, those of one activation side by side

    def __init__(self, cell: Recurrent, product: AnyProduct):
        super().__init__(cell.in_features, cell.out_features)
        self.hidden_size, self.initial_state = cell.hidden_size, cell.initial_state
        self.input_product = product(self.ordered(cell.input_weight))
        self.hidden_product = product(self.ordered(cell.hidden_weight))
        self.register_buffer("bias", self.ordered(self.biases(cell)), persistent=False)
        self.projection = product(cell.projection_weight) if cell.projection else None

    def biases(self, cell: Recurrent) -> Tensor:
        """The biases that are added before any gate."""
        return cell.input_bias + cell.hidden_bias

    def ordered(self, weight: Tensor) -> Tensor:
        gates = weight.chunk(len(self.order))
        return torch.cat([gates[number] for number in self.order])

    def projected(self, h: Tensor) -> Tensor:
        """h [..., H] as it is told and fed back."""
        return h if self.projection is None else self.projection.alone(h)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        for now in self.from_inputs(x).unbind(0):
            y, state = self.cell(now, state)
            outputs.append(y)
        return torch.stack(outputs, dim=1), state

    def from_inputs(self, x: Tensor) -> Tensor:
        """The inputs' share of every step, without the bias: x [B, n, C] -> [n, B, G*H]."""
        batch, steps, _ = x.shape
        by_step = x.transpose(0, 1).reshape(steps * batch, -1)
        return self.input_product.alone(by_step).view(steps, batch, -1)

    def cell(self, from_input: Tensor, state: State) -> tuple[Tensor, State]:
        """One step from the input's share [B, G*H] -> y [B, out_features] and the new state."""
        raise NotImplementedError


class UnrolledRNN(Unrolled):
    def cell(self, from_input: Tensor, state: State) -> tuple[Tensor, State]:
        h = self.hidden_product(from_input + self.bias, state[0]).tanh_()
        return self.projected(h), (h,)


class UnrolledLSTM(Unrolled):
    """The streams come before the steps, and stay there."""

    order = (0, 1, 3, 2)  # the three sigmoids, then the candidate

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.through(self.input_product.alone(x), state)

    def through(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """The inputs' shares [B, n, 4*H] of some steps -> y [B, n, out_features] and the new state."""
        fed_back, c = state[0], state[1].clone()
        h, y = torch.empty_like(c), c.new_empty(*from_inputs.shape[:2], self.hidden_size)
        told = y if self.projection is None else y.new_empty(*y.shape[:2], self.out_features)
        known = from_inputs.numpy(), self.bias.numpy()
        changed = c.numpy(), h.numpy(), y.numpy()
        for t in range(y.shape[1]):
            lstm_gates(t, *known, self.hidden_product.alone(fed_back).numpy(), *changed)
            fed_back = self.projected(h)
            if told is not y:
                told[:, t] = fed_back
        return told, (fed_back, c)


class UnrolledSentenceLSTM(UnrolledLSTM):
    """x [B, n, 1 + C]: the state begins anew where the mark beside the input is above a half."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        from_inputs = self.input_product.alone(x[..., 1:])
        for first, now in zip((x[..., :1] > 0.5).unbind(1), from_inputs.split(1, dim=1)):
            y, state = self.through(now.contiguous(), tuple(leaf.masked_fill(first, 0.0) for leaf in state))
            outputs.append(y)
        return torch.cat(outputs, dim=1), state


class UnrolledGRU(Unrolled):
    """The candidate's share of the state has its own bias inside the reset gate."""

    order = (0, 1, 2)

    def __init__(self, cell: GRU, product: AnyProduct):
        super().__init__(cell, product)
        self.register_buffer("hidden_bias", cell.hidden_bias.clone(), persistent=False)

    def biases(self, cell: Recurrent) -> Tensor:
        return cell.input_bias

    def cell(self, from_input: Tensor, state: State) -> tuple[Tensor, State]:
        before, h = state[0].contiguous(), torch.empty_like(state[0])
        from_state = self.hidden_product(self.hidden_bias, before)
        from_input = from_input + self.bias
        gru_gates(from_input.numpy(), from_state.numpy(), before.numpy(), h.numpy())
        return self.projected(h), (h,)


UNROLLED: dict[type, Callable[..., nn.Module]] = {
    RNN: UnrolledRNN,
    LSTM: UnrolledLSTM,
    GRU: UnrolledGRU,
    SentenceLSTM: UnrolledSentenceLSTM,
    AttentionDecoder: UnrolledDecoder,
    LogMel: CompiledLogMel,
    Level: UnrolledLevel,
    LayerNorm: CompiledLayerNorm,
}


def _replaced(module: nn.Module, product: AnyProduct) -> Stage | None:
    """`module` with its recurrent layers unrolled and, packed, its maps, itself changed; None if it has none."""
    if type(module) in UNROLLED:
        return UNROLLED[type(module)](module, product)
    if type(module) is nn.Linear and product is PackedProduct:
        return PackedLinear(module)
    found = [(name, _replaced(child, product)) for name, child in module.named_children()]
    for name, other in found:
        if other is not None:
            module.register_module(name, other)
    return module if any(other is not None for _, other in found) else None


def _agree(stage: Stage, other: Stage, tolerance: float) -> bool:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, CHECKED_STEPS * stage.block, stage.in_features, generator=random)
    try:
        with torch.inference_mode():
            wanted, end = stage.step(x, stage.initial_state(2))
            y, own = other.step(x, other.initial_state(2))
    except (RuntimeError, AttributeError):
        return False
    return all(
        a.shape == b.shape and torch.allclose(a, b, atol=tolerance, rtol=tolerance)
        for a, b in zip((wanted, *end), (y, *own))
    )
