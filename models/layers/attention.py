"""The decoder of a translation: one pure cell, which attends to the source and gives the next unit."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.feedforward import LayerNorm, dropout
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import State

FARTHEST = 12  # source pieces ahead or behind that the bias by distance tells apart
MASKED = -1e9
UNKNOWN = 1  # a unit that is never emitted


class Attended(NamedTuple):
    """A source as the decoder attends to it; pieces that are not `visible` do not matter."""

    memory: Tensor  # [B, T, memory_size], the encoder's output
    embeddings: Tensor  # [B, T, size], each piece's own vector
    visible: Tensor  # [B, T]


class AttentionDecoder(nn.Module):
    """(last unit, its position, state) -> (output vector, state), over a source that was encoded.

    An LSTM that is fed its last context (Luong 2015) attends by a dot product. The same weights sum
    the pieces' own vectors, which makes a dictionary (Nguyen 2018). A learned bias prefers pieces near
    the target's position. State: h, c [B, hidden_size] and the context [B, memory_size].
    """

    def __init__(self, units: int, size: int, memory_size: int, hidden_size: int, dropout: float = 0.0):
        super().__init__()
        self.memory_size, self.dropout = memory_size, dropout
        self.embedding = nn.Embedding(units, size)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.norm = LayerNorm(size)
        self.cell = LSTM(size + memory_size, hidden_size)
        self.query = nn.Linear(hidden_size, memory_size)
        distance = torch.arange(-FARTHEST, FARTHEST + 1).abs()
        self.nearness = nn.Parameter(-0.3 * distance.float())
        self.mix = nn.Linear(hidden_size + memory_size, size)
        self.dictionary = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(units))

    def initial_state(self, like: Tensor) -> State:
        """The state of as many targets as `like` [B, ...] has rows, before their first units."""
        batch = like.shape[0]
        return *self.cell.initial_state(batch), like.new_zeros(batch, self.memory_size)

    def input_gates(self, units: Tensor) -> Tensor:
        """The units' share [..., 4 * hidden_size] of the cell's gates."""
        embedded, _ = self.norm.step(self.embedding(units), ())
        embedded = dropout(embedded, self.dropout, self.training)
        weight = self.cell.input_weight[:, : embedded.shape[-1]]
        return F.linear(embedded, weight, self.cell.input_bias + self.cell.hidden_bias)

    def advance(
        self, input_gates: Tensor, position: Tensor, source: Attended, state: State
    ) -> tuple[Tensor, State]:
        """The output [B, size] at position [B], of the last unit's share of the gates, and the new state.

        `logits` reads the output.
        """
        h, c, context = state
        # By hand: torch's fused LSTM packs its weights at every call.
        gates = torch.addmm(input_gates, context, self.cell.input_weight[:, -self.memory_size :].t())
        gates = torch.addmm(gates, h, self.cell.hidden_weight.t())
        input_gate, forget_gate, candidate, output_gate = gates.chunk(4, 1)
        c = torch.sigmoid(forget_gate) * c + torch.sigmoid(input_gate) * torch.tanh(candidate)
        h = torch.sigmoid(output_gate) * torch.tanh(c)
        context, translation = self.attend(self.query(h), position, source)
        output = torch.tanh(self.mix(torch.cat([h, context], 1))) + translation
        return output, (h, c, context)

    def attend(self, query: Tensor, position: Tensor, source: Attended) -> tuple[Tensor, Tensor]:
        """The context of a query, both [B, memory_size], and the pieces' own vectors summed [B, size]."""
        memory, embeddings, visible = source
        scores = torch.einsum("bh,bth->bt", query, memory) / self.memory_size**0.5
        slots = torch.arange(memory.shape[1], device=memory.device)
        offset = (slots - position[:, None]).clamp(-FARTHEST, FARTHEST) + FARTHEST
        scores = torch.where(visible, scores + self.nearness[offset], MASKED)
        weights = scores.softmax(1)[:, None]
        return (weights @ memory)[:, 0], (weights @ embeddings)[:, 0] * self.dictionary

    def logits(self, output: Tensor) -> Tensor:
        """Logits of every unit [..., units]; the input's embedding is the output's map, too."""
        return F.linear(output, self.embedding.weight, self.bias)

    def log_probabilities(self, output: Tensor) -> Tensor:
        """[..., units]; the unknown unit is never emitted."""
        logits = self.logits(output)
        logits[..., UNKNOWN] = MASKED
        return logits.log_softmax(-1)

    def most_probable(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The most probable unit of each row of output [B, size], and its log-probability: each [B]."""
        best, unit = self.log_probabilities(output).max(1)
        return unit, best
