"""The decoder of a translation: one pure cell, which attends to what was read and says the next unit."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.feedforward import LayerNorm, dropped
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import State

FARTHEST = 12  # source pieces ahead or behind that the attention's sense of place tells apart
MASKED = -1e9
UNKNOWN = 1  # a unit that is never said


class AttentionDecoder(nn.Module):
    """(unit said last, its place, state) -> (what to say next, state), over a source that was read.

    An LSTM that is fed its last context (Luong 2015) asks by a dot product. Beside the memory stands
    each source piece's own vector: weighed by the same attention it is a dictionary (Nguyen 2018).
    Attention prefers pieces near the place where the target is, by a learned bias. State: h, c
    [B, hidden_size] and the context [B, memory_size].
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

    def told(self, units: Tensor) -> Tensor:
        """What units bring to the cell's gates [..., 4 * hidden_size]."""
        embedded, _ = self.norm.step(self.embedding(units), ())
        embedded = dropped(embedded, self.dropout) if self.training else embedded
        weight = self.cell.input_weight[:, : embedded.shape[-1]]
        return F.linear(embedded, weight, self.cell.input_bias + self.cell.hidden_bias)

    def advance(
        self, told: Tensor, place: Tensor, memory: Tensor, own: Tensor, visible: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """After the unit before place [B], which is `told` [B, 4 * hidden_size]: what to say [B, size].

        memory [B, T, memory_size] and own [B, T, size] were read, of which `visible` [B, T] counts.
        `logits` reads what is returned.
        """
        h, c, context = state
        # By hand: torch's fused LSTM packs its weights anew at every call.
        gates = torch.addmm(told, context, self.cell.input_weight[:, -self.memory_size :].t())
        gates = torch.addmm(gates, h, self.cell.hidden_weight.t())
        entry, forget, candidate, out = gates.chunk(4, 1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(entry) * torch.tanh(candidate)
        h = torch.sigmoid(out) * torch.tanh(c)
        context, meant = self.attend(self.query(h), place, memory, own, visible)
        said = torch.tanh(self.mix(torch.cat([h, context], 1))) + meant
        return said, (h, c, context)

    def attend(
        self, query: Tensor, place: Tensor, memory: Tensor, own: Tensor, visible: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The context [B, memory_size] that a query of that size finds, and its pieces' own meaning [B, size]."""
        scores = torch.einsum("bh,bth->bt", query, memory) / self.memory_size**0.5
        slots = torch.arange(memory.shape[1], device=memory.device)
        offset = (slots - place[:, None]).clamp(-FARTHEST, FARTHEST) + FARTHEST
        scores = torch.where(visible, scores + self.nearness[offset], MASKED)
        weights = scores.softmax(1)[:, None]
        return (weights @ memory)[:, 0], (weights @ own)[:, 0] * self.dictionary

    def logits(self, said: Tensor) -> Tensor:
        """Logits of every unit [..., units]; the input's embedding is the output's map, too."""
        return F.linear(said, self.embedding.weight, self.bias)

    def log_probabilities(self, said: Tensor) -> Tensor:
        """[..., units]; the unknown unit is never said."""
        logits = self.logits(said)
        logits[..., UNKNOWN] = MASKED
        return logits.log_softmax(-1)

    def likeliest(self, said: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest unit of each row of said [B, size], and its log-probability: each [B]."""
        best, unit = self.log_probabilities(said).max(1)
        return unit, best
