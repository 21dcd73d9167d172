"""Recurrent layers as Stages: RNN (tanh), LSTM, GRU and the GRU of the textbook."""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.feedforward import Dropout, LayerNorm, Linear
from streamer.models.layers.stage import Chain, Stage, State


class Recurrent(Stage):
    """One recurrent layer; gates stacked along axis 0 of its weights, as torch and cuDNN order them.

    x [B, n, in_features] -> [B, n, projection or hidden_size]. `input_weight` [G*H, C] and
    `hidden_weight` [G*H, R] with G gates and R the width that is fed back. State: h [B, R].
    With a projection y = W_r h, and h itself is fed back; the LSTM alone feeds y back.
    """

    gates = 1

    def __init__(self, in_features: int, hidden_size: int, projection: int = 0):
        super().__init__(in_features, projection or hidden_size)
        self.hidden_size, self.projection = hidden_size, projection
        rows = self.gates * hidden_size
        self.input_weight = nn.Parameter(torch.empty(rows, in_features))
        self.hidden_weight = nn.Parameter(torch.empty(rows, self.fed_back))
        self.input_bias = nn.Parameter(torch.empty(rows))
        self.hidden_bias = nn.Parameter(torch.empty(rows))
        if projection:
            self.projection_weight = nn.Parameter(torch.empty(projection, hidden_size))
        for weight in self.parameters():
            nn.init.uniform_(weight, -1 / sqrt(hidden_size), 1 / sqrt(hidden_size))

    @property
    def fed_back(self) -> int:
        """The width R of the output that the next step takes."""
        return self.hidden_size

    def weights(self) -> list[Tensor]:
        """The recurrence's parameters in the order of torch's fused kernels."""
        return [self.input_weight, self.hidden_weight, self.input_bias, self.hidden_bias]

    def projected(self, h: Tensor) -> Tensor:
        """y = W_r h [B, n, projection], or h itself."""
        return F.linear(h, self.projection_weight) if self.projection else h

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_zeros(batch, self.fed_back),)


class RNN(Recurrent):
    """a_t = tanh(W_ax x_t + W_aa a_(t-1) + b) (Elman 1990); `b` is the sum of the two biases."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, h = torch._VF.rnn_tanh(
            x, state[0].unsqueeze(0), self.weights(), True, 1, 0.0, self.training, False, True
        )
        return self.projected(y), (h[0],)


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter 1997, with the forget gate of Gers 2000).

    State: h [B, R], c [B, H]. With a projection, h = W_r (o * tanh(c)) is fed back (Sak 2014).
    """

    gates = 4  # input, forget, candidate, output

    @property
    def fed_back(self) -> int:
        return self.out_features

    def weights(self) -> list[Tensor]:
        return super().weights() + ([self.projection_weight] if self.projection else [])

    def initial_state(self, batch: int) -> State:
        return *super().initial_state(batch), self.neutral.new_zeros(batch, self.hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = (leaf.unsqueeze(0) for leaf in state)
        y, h, c = torch._VF.lstm(x, (h, c), self.weights(), True, 1, 0.0, self.training, False, True)
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
        return self.projected(y), (h[0],)


class TextbookGRU(Recurrent):
    """Gated recurrent unit with the relevance gate inside the product, as textbooks write it.

    With G_r = σ(W_r [c, x] + b_r) and G_u = σ(W_u [c, x] + b_u) the candidate is
    n = tanh(W_c [G_r * c, x] + b_c) and the new c = G_u * n + (1 - G_u) * c (Cho 2014, Ng's
    notation). State: c [B, H]. No fused kernel computes this form, so it steps in a loop.
    """

    gates = 3  # relevance, update, candidate

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, size = state[0], self.hidden_size
        from_input = F.linear(x, self.input_weight, self.input_bias + self.hidden_bias)
        gate_weight, candidate_weight = self.hidden_weight.split([2 * size, size])
        outputs = []
        for gate_input, candidate_input in zip(
            from_input[..., : 2 * size].unbind(1), from_input[..., 2 * size :].unbind(1)
        ):
            gates = torch.sigmoid(gate_input + F.linear(h, gate_weight))
            relevance, update = gates.split(size, dim=1)
            candidate = torch.tanh(candidate_input + F.linear(relevance * h, candidate_weight))
            h = update * candidate + (1 - update) * h
            outputs.append(h)
        return self.projected(torch.stack(outputs, dim=1)), (h,)


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


CELLS: dict[str, type[Recurrent]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU, "textbook_gru": TextbookGRU}


def cell_named(name: str) -> type[Recurrent]:
    """The cell of that name; ValueError lists the names there are."""
    if name not in CELLS:
        raise ValueError(f"cell {name!r} is unknown; there are {', '.join(CELLS)}")
    return CELLS[name]


def stack(
    cell: str, in_features: int, hidden_size: int, depth: int, *, projection: int = 0, dropout: float = 0.0
) -> Chain:
    """`depth` layers of one cell, each with layer norm before it and a residual round it.

    In training `dropout` zeroes that share of what a layer adds; it changes no weight's name or shape.
    """
    width = projection or hidden_size
    layers: list[Stage] = [] if in_features == width else [Linear(in_features, width)]
    for _ in range(depth):
        layer = cell_named(cell)(width, hidden_size, projection)
        after = [Dropout(width, dropout)] if dropout else []
        layers.append(Residual(Chain(LayerNorm(width), layer, *after)))
    return Chain(*layers)


def plain_stack(cell: str, in_features: int, hidden_size: int, depth: int) -> Chain:
    """`depth` layers of one cell, each fed by the one below: no norm, no residual."""
    widths = [in_features] + [hidden_size] * (depth - 1)
    return Chain(*(cell_named(cell)(width, hidden_size) for width in widths))
