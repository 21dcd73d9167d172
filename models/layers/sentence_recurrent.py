"""Recurrent layers that begin anew where a sentence does."""

import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import State


class SentenceLSTM(LSTM):
    """An LSTM whose state is the initial one again before every step that is marked as a first one.

    x [B, n, 1 + C], the mark (above a half: the first step of a sentence) beside the input ->
    [B, n, hidden_size]. No fused kernel can begin anew on the way, so it steps in a loop.
    """

    def __init__(self, in_features: int, hidden_size: int):
        super().__init__(in_features, hidden_size)
        self.in_features = in_features + 1
        self.register_buffer("neutral", torch.zeros(in_features + 1), persistent=False)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        first = x[..., :1] > 0.5
        inputs = F.linear(x[..., 1:], self.input_weight, self.input_bias + self.hidden_bias)
        nothing = torch.zeros_like(h)
        outputs = []
        for at_first, from_input in zip(first.unbind(1), inputs.unbind(1)):
            h, c = torch.where(at_first, nothing, h), torch.where(at_first, nothing, c)
            gates = torch.addmm(from_input, h, self.hidden_weight.t())
            entry, forget, candidate, out = gates.chunk(4, 1)
            c = torch.sigmoid(forget) * c + torch.sigmoid(entry) * torch.tanh(candidate)
            h = torch.sigmoid(out) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)
