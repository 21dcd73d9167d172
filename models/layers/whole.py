"""Networks that see the future: a Whole takes complete sequences and has no `step`."""

from fractions import Fraction

import torch
from torch import Tensor, nn

from streamer.models.layers.feedforward import LayerNorm, dropout
from streamer.models.layers.recurrent import cell_named
from streamer.models.layers.stage import Stage, StageList


class Whole(nn.Module):
    """A map over complete sequences. It has no `step`, so a live runner can't take it.

    Law: what stands in a row after its length does not matter, nor do the row's neighbours.
    """

    ratio: Fraction = Fraction(1)  # outputs per input step

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x [B, T, in_features], lengths [B] -> y [B, T', out_features].

        Row b counts up to `out_lengths(lengths)[b]`.
        """
        raise NotImplementedError

    def out_lengths(self, lengths: Tensor) -> Tensor:
        """ceil(lengths * ratio) [B]."""
        return -(-lengths * self.ratio.numerator // self.ratio.denominator)


class Bidirectional(Whole):
    """Two stages over the same sequence, one of them backwards, side by side (Schuster 1997).

    y_t = [ahead(x)_t, back(x reversed)_(T-1-t)]; each row is reversed within its own length, so
    that both runs meet padding only after their last real step.
    """

    def __init__(self, ahead: Stage, back: Stage):
        if any(s.ratio != 1 or s.lookahead or s.block != 1 for s in (ahead, back)):
            raise ValueError("Bidirectional wants two stages of block 1, ratio 1 and no lookahead")
        super().__init__(ahead.in_features, ahead.out_features + back.out_features)
        self.ahead, self.back = ahead, back

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        order = reversal(lengths, x.shape[1])
        ahead, _ = self.ahead.step(x, self.ahead.initial_state(x.shape[0]))
        back, _ = self.back.step(_reorder(x, order), self.back.initial_state(x.shape[0]))
        return torch.cat([ahead, _reorder(back, order)], dim=-1)


class BidirectionalStack(Whole):
    """`depth` bidirectional layers of one cell, layer norm before each, a residual where widths agree.

    x [B, T, in_features] -> [B, T, 2 * (projection or hidden_size)]. In training `dropout` zeroes that
    share of what a layer adds.
    """

    def __init__(
        self,
        cell: str,
        in_features: int,
        hidden_size: int,
        depth: int,
        *,
        projection: int = 0,
        dropout: float = 0.0,
    ):
        width = 2 * (projection or hidden_size)
        super().__init__(in_features, width)
        self.dropout = dropout
        widths = [in_features] + [width] * (depth - 1)
        make = cell_named(cell)
        self.norms = StageList(LayerNorm(w) for w in widths)
        self.layers = nn.ModuleList(
            Bidirectional(make(w, hidden_size, projection), make(w, hidden_size, projection)) for w in widths
        )

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        for norm, layer in zip(self.norms, self.layers):
            normed, _ = norm.step(x, ())
            y = dropout(layer(normed, lengths), self.dropout, self.training)
            x = x + y if y.shape == x.shape else y
        return x


def reversal(lengths: Tensor, steps: int) -> Tensor:
    """Indices [B, steps] that reverse each row within its length and leave its padding in place."""
    t = torch.arange(steps, device=lengths.device)
    last = lengths[:, None] - 1
    return torch.where(t <= last, last - t, t)


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[-1]))
