"""Recurrent layers whose state restarts where a sentence begins."""

import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.layers.recurrent import LSTM, Recurrent
from streamer.models.layers.stage import Stage, State


class SentenceLSTM(LSTM):
    """An LSTM whose state is the initial one again before every step that is marked as a first one.

    x [B, n, 1 + C], the mark (above a half: the first step of a sentence) beside the input ->
    [B, n, hidden_size]. No fused kernel can restart on the way, so it steps in a loop.
    """

    def __init__(self, in_features: int, hidden_size: int):
        super().__init__(in_features, hidden_size)
        self.in_features = in_features + 1
        self.register_buffer("neutral", torch.zeros(in_features + 1), persistent=False)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        first = x[..., :1] > 0.5
        inputs = F.linear(x[..., 1:], self.input_weight, self.input_bias + self.hidden_bias)
        zeros = torch.zeros_like(h)
        outputs = []
        for restarts, from_input in zip(first.unbind(1), inputs.unbind(1)):
            h, c = torch.where(restarts, zeros, h), torch.where(restarts, zeros, c)
            gates = torch.addmm(from_input, h, self.hidden_weight.t())
            input_gate, forget_gate, candidate, output_gate = gates.chunk(4, 1)
            c = torch.sigmoid(forget_gate) * c + torch.sigmoid(input_gate) * torch.tanh(candidate)
            h = torch.sigmoid(output_gate) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)


class SentenceRecurrent(Stage):
    """Any recurrent layer, its state the initial one again before every step marked as a first one.

    x [B, n, 1 + C], the mark (above a half: the first step of a sentence) beside the input ->
    [B, n, hidden_size]. State: the cell's.
    """

    def __init__(self, cell: Recurrent):
        super().__init__(cell.in_features + 1, cell.out_features)
        self.cell = cell

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        initial, outputs = self.initial_state(len(x)), []
        for inputs in x.split(1, 1):
            restarts = inputs[:, 0, :1] > 0.5
            state = tuple(torch.where(restarts, new, old) for new, old in zip(initial, state))
            y, state = self.cell.step(inputs[..., 1:], state)
            outputs.append(y)
        return torch.cat(outputs, 1), state
