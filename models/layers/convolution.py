"""Convolution over time as a Stage: causal, or with a declared lookahead; with stride."""

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.stage import Stage, State


class CausalConvolution(Stage):
    """y_t = b + sum_k W_k x_(t*stride + stride - kernel_size + k), zeros before the start.

    x [B, n*stride, C] -> [B, n, D]: the kernel ends with the last of the `stride` inputs that
    an output stands for. State: the last kernel_size - stride inputs [B, kernel_size - stride, C].
    """

    def __init__(self, in_features: int, out_features: int, kernel_size: int, stride: int = 1):
        if kernel_size < stride or stride < 1:
            raise ValueError(f"kernel_size {kernel_size} must be at least the stride {stride}, and that 1")
        super().__init__(in_features, out_features)
        self.kernel_size, self.block, self.ratio = kernel_size, stride, Fraction(1, stride)
        self.map = nn.Conv1d(in_features, out_features, kernel_size, stride)

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_zeros(batch, self.kernel_size - self.block, self.in_features),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        x = torch.cat([state[0], x], dim=1)
        y = F.conv1d(x.transpose(1, 2), self.map.weight, self.map.bias, self.block)
        return y.transpose(1, 2), (x[:, x.shape[1] - state[0].shape[1] :],)


class LookaheadConvolution(CausalConvolution):
    """A `CausalConvolution` whose kernel ends `lookahead` inputs later (Wang 2016).

    `lookahead` is a multiple of the stride.
    """

    def __init__(
        self, in_features: int, out_features: int, kernel_size: int, lookahead: int, stride: int = 1
    ):
        super().__init__(in_features, out_features, kernel_size, stride)
        if lookahead % stride:
            raise ValueError(f"lookahead {lookahead} must be a multiple of the stride {stride}")
        self.lookahead = lookahead
