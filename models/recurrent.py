"""Recurrent layers as Stages: RNN (tanh), LSTM, GRU and the GRU of the textbook."""

from math import sqrt

import torch
from torch import Tensor, nn

from models.stage import Chain, Stage, State


class Recurrent(Stage):
    """One recurrent layer; gates stacked along axis 0 of its weights, as torch and cuDNN order them.

    x [B, n, in_features] -> [B, n, projection or hidden_size]. `input_weight` [G*H, C] and
    `hidden_weight` [G*H, R] with G gates and R = projection or hidden_size.
    """

    gates = 1

    def __init__(self, in_features: int, hidden_size: int, projection: int = 0):
        super().__init__(in_features, projection or hidden_size)
        self.hidden_size, self.projection = hidden_size, projection
        rows = self.gates * hidden_size
        self.input_weight = nn.Parameter(torch.empty(rows, in_features))
        self.hidden_weight = nn.Parameter(torch.empty(rows, self.out_features))
        self.input_bias = nn.Parameter(torch.empty(rows))
        self.hidden_bias = nn.Parameter(torch.empty(rows))
        if projection:
            self.projection_weight = nn.Parameter(torch.empty(projection, hidden_size))
        for weight in self.parameters():
            nn.init.uniform_(weight, -1 / sqrt(hidden_size), 1 / sqrt(hidden_size))

    def weights(self) -> list[Tensor]:
        """The parameters in the order of torch's fused kernels."""
        return list(self.parameters())

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_zeros(batch, self.out_features),)


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter 1997, with the forget gate of Gers 2000).

    State: h [B, R], c [B, H]. With a projection, h = W_r (o * tanh(c)) (Sak 2014).
    """

    gates = 4  # input, forget, candidate, output

    def initial_state(self, batch: int) -> State:
        zeros = self.neutral.new_zeros
        return zeros(batch, self.out_features), zeros(batch, self.hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = (leaf.unsqueeze(0) for leaf in state)
        y, h, c = torch._VF.lstm(
            x, (h, c), self.weights(), True, 1, 0.0, self.training, False, True
        )
        return y, (h[0], c[0])


class GRU(Recurrent):
    """Gated recurrent unit with the reset gate after the product, as cuDNN and torch compute it.

    State: h [B, H]. n = tanh(W x + b + r * (U h + c)) (Cho 2014, in the form of Appleyard 2016).
    """

    gates = 3  # reset, update, candidate

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, h = torch._VF.gru(
            x, state[0].unsqueeze(0), self.weights(), True, 1, 0.0, self.training, False, True
        )
        return y, (h[0],)


class Residual(Stage):
    """y = x + stage(x), for a stage of equal widths, ratio 1 and no lookahead."""

    def __init__(self, stage: Stage):
        if stage.ratio != 1 or stage.lookahead or stage.in_features != stage.out_features:
            raise ValueError("Residual wants a stage of ratio 1, lookahead 0 and equal widths")
        super().__init__(stage.in_features, stage.out_features, stage.neutral)
        self.stage, self.block = stage, stage.block

    def initial_state(self, batch: int) -> State:
        return self.stage.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.stage.step(x, state)
        return x + y, state


CELLS: dict[str, type[Recurrent]] = {"lstm": LSTM, "gru": GRU}


def stack(
    cell: str, in_features: int, hidden_size: int, depth: int, *, projection: int = 0
) -> Chain:
    """`depth` layers of one cell, each with layer norm before it and a residual round it."""
    from models.layers import LayerNorm, Linear

    width = projection or hidden_size
    layers: list[Stage] = [] if in_features == width else [Linear(in_features, width)]
    for _ in range(depth):
        layer = CELLS[cell](width, hidden_size, projection)
        layers.append(Residual(Chain(LayerNorm(width), layer)))
    return Chain(*layers)
