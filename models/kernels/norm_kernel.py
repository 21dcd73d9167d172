"""Layer normalisation for a CPU: one small loop, where torch has much to do around the numbers."""

import numpy as np
import torch
from torch import Tensor

from streamer.models.kernels.gates import compiled
from streamer.models.layers.feedforward import LayerNorm
from streamer.models.layers.stage import Stage, State


class CompiledLayerNorm(Stage):
    """`LayerNorm`."""

    def __init__(self, layer: LayerNorm, product: object):
        super().__init__(layer.in_features, layer.out_features)
        self.eps = np.float32(layer.norm.eps)
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", layer.norm.weight.detach().clone(), persistent=False)
        self.register_buffer("bias", layer.norm.bias.detach().clone(), persistent=False)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        x = x.contiguous()
        y = torch.empty_like(x)
        rows, normed = x.view(-1, self.in_features).numpy(), y.view(-1, self.in_features).numpy()
        normalize(rows, self.weight.numpy(), self.bias.numpy(), normed, self.eps)
        return y, state


@compiled
def normalize(x, weight, bias, y, eps):
    """Rows x [N, C] at mean 0 and variance 1 (up to eps), times weight [C] plus bias [C] -> y [N, C]."""
    size = np.float32(x.shape[1])
    for n in range(x.shape[0]):
        total = np.float32(0.0)
        for k in range(x.shape[1]):
            total += x[n, k]
        mean = total / size
        squares = np.float32(0.0)
        for k in range(x.shape[1]):
            squares += (x[n, k] - mean) ** 2
        scale = np.float32(1.0) / np.sqrt(squares / size + eps)
        for k in range(x.shape[1]):
            y[n, k] = (x[n, k] - mean) * scale * weight[k] + bias[k]
