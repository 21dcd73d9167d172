"""Layers of one cell and a linear map, as torch's nn.RNN, nn.LSTM and nn.GRU with an nn.Linear are."""

from typing import Annotated

import msgspec
from torch import Tensor, nn

from streamer.models.layers.feedforward import Linear
from streamer.models.layers.recurrent import cell_named
from streamer.models.layers.stage import Chain
from streamer.models.layers.whole import Bidirectional, Whole
from streamer.models.options import Count, CountOrNone

Depth = Annotated[int, msgspec.Meta(ge=1, le=64)]


def recurrent(
    in_features: Count,
    hidden_size: Count,
    outputs: Count,
    depth: Depth = 1,
    cell: str = "lstm",
    projection: CountOrNone = 0,
) -> Chain:
    """`depth` layers of `cell`, each fed by the one below, and a linear map to `outputs` logits."""
    width = projection or hidden_size
    widths = [in_features] + [width] * (depth - 1)
    layers = [cell_named(cell)(w, hidden_size, projection) for w in widths]
    return Chain(*layers, Linear(width, outputs))


class RecurrentBidirectional(Whole):
    """`recurrent` with layers that run both ways: x [B, T, in_features] -> [B, T, outputs]."""

    def __init__(
        self,
        in_features: Count,
        hidden_size: Count,
        outputs: Count,
        depth: Depth = 1,
        cell: str = "lstm",
        projection: CountOrNone = 0,
    ):
        super().__init__(in_features, outputs)
        width = 2 * (projection or hidden_size)
        make = cell_named(cell)
        self.layers = nn.ModuleList(
            Bidirectional(make(w, hidden_size, projection), make(w, hidden_size, projection))
            for w in [in_features] + [width] * (depth - 1)
        )
        self.map = nn.Linear(width, outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, lengths)
        return self.map(x)
