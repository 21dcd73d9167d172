"""What a network may see of a sequence before it answers, and recurrent layers that see just that."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.feedforward import LayerNorm, Linear
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.whole import reversal

ENOUGH = 1 << 20  # steps: more than any sequence has


@dataclass(frozen=True)
class View:
    """Output t waits for `ahead` more steps, and then for the end of its chunk of `chunk` steps.

    Within a chunk a network reads both ways (Chen 2016, latency-controlled), and one way from chunk
    to chunk; a chunk of 0 is none.
    """

    name: str
    ahead: int = 0
    chunk: int = 0

    @property
    def both_ways(self) -> bool:
        """Whether any layer reads backwards."""
        return self.chunk > 0

    def waits(self, length: int) -> np.ndarray:
        """How many more steps each output of a sequence waits for [length]; its end brings all."""
        t = np.arange(length)
        last = (t // self.chunk + 1) * self.chunk - 1 if self.chunk else t + self.ahead
        return np.minimum(last, length - 1) - t


ONE_WAY = View("one way")
BOTH_WAYS = View("both ways", chunk=ENOUGH)


class ViewLayer(nn.Module):
    """y = x + [ahead(norm x), back(norm x)]; the backward part restarts in every chunk.

    x [B, T, width], lengths [B] -> the same shape.
    """

    def __init__(self, view: View, hidden_size: int):
        super().__init__()
        width = hidden_size * (2 if view.both_ways else 1)
        self.chunk, self.norm = view.chunk, LayerNorm(width)
        self.ahead = LSTM(width, hidden_size)
        self.back = LSTM(width, hidden_size) if view.both_ways else None

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        normed, _ = self.norm.step(x, ())
        y, _ = self.ahead.step(normed, self.ahead.initial_state(len(x)))
        if self.back is not None:
            y = torch.cat([y, self._backwards(self.back, normed, lengths)], -1)
        return x + y

    def _backwards(self, back: LSTM, x: Tensor, lengths: Tensor) -> Tensor:
        batch, steps, width = x.shape
        size = min(self.chunk, steps)
        x = F.pad(x, (0, 0, 0, -steps % size))
        chunked = x.reshape(-1, size, width)
        starts = torch.arange(0, x.shape[1], size)
        left = (lengths[:, None] - starts).clamp(0, size).flatten()
        order = reversal(left, size)[..., None]
        y, _ = back.step(chunked.gather(1, order.expand(-1, -1, width)), back.initial_state(len(chunked)))
        y = y.gather(1, order.expand(-1, -1, y.shape[-1]))
        return y.reshape(batch, -1, y.shape[-1])[:, :steps]


class Seer(nn.Module):
    """`depth` layers that see what `view` lets them: x [B, T, in_features] -> [B, T, width].

    What stands in a row after its length doesn't matter. A view that looks ahead weighs what the
    layers say of a step and of those after it, each feature by itself (Wang 2016, row convolution).
    """

    def __init__(self, view: View, in_features: int, hidden_size: int, depth: int, dropout: float):
        super().__init__()
        self.view, self.width = view, hidden_size * (2 if view.both_ways else 1)
        self.entry = Linear(in_features, self.width)
        self.layers = nn.ModuleList(ViewLayer(view, hidden_size) for _ in range(depth))
        self.norm, self.dropout = LayerNorm(self.width), dropout
        if view.ahead:
            self.weighed = nn.Parameter(torch.full((view.ahead + 1, self.width), 0.1))
            nn.init.ones_(self.weighed[0])

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        steps = x.shape[1]
        valid = torch.arange(steps) < lengths[:, None]
        x = torch.where(valid[..., None], x, 0.0)
        x, _ = self.entry.step(F.pad(x, (0, 0, 0, self.view.ahead)), ())
        for layer in self.layers:
            x = F.dropout(layer(x, lengths), self.dropout, self.training)
        if self.view.ahead:
            x = sum(weight * x[:, at : at + steps] for at, weight in enumerate(self.weighed))
        y, _ = self.norm.step(x, ())
        return y


def seer(view: View, in_features: int, weights: int, depth: int, dropout: float) -> Seer:
    """The Seer with about `weights` weights, however deep it is and whichever way it looks."""

    def count(hidden_size: int) -> int:
        with torch.device("meta"):
            made = Seer(view, in_features, hidden_size, depth, dropout)
        return sum(weight.numel() for weight in made.parameters())

    sizes = range(8, 1024, 4)
    return Seer(view, in_features, min(sizes, key=lambda size: abs(count(size) - weights)), depth, dropout)
