"""The networks of the speech recognisers: log-mel frames in, logits of the heads side by side out."""

from fractions import Fraction
from math import log

import torch
from torch import Tensor

from streamer.models.audio.features import LOG_FLOOR
from streamer.models.audio.level import Level
from streamer.models.layers.feedforward import Delay, LayerNorm, Linear, Stack, Standardize
from streamer.models.layers.recurrent import stack as recurrent_stack
from streamer.models.layers.stage import Chain
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.options import Count, CountOrNone

SILENCE = log(LOG_FLOOR)  # a log-mel frame of digital silence; what closing feeds


def acoustic_lstm(
    n_mels: Count,
    stack: Count,
    hidden_size: Count,
    depth: Count,
    delay: CountOrNone,
    outputs: Count,
    cell: str = "lstm",
    projection: CountOrNone = 0,
    level: bool = False,
    dropout: float = 0.0,
) -> Chain:
    """A live network: `stack` frames side by side, `depth` residual layers of `cell`, one linear map.

    x [B, n*stack, n_mels] -> logits [B, n, outputs]; output t is given the `delay` steps after t too.
    `level` takes the loudness out of the frames; `dropout` applies in training.
    """
    width = projection or hidden_size
    return Chain(
        *([Level(n_mels, SILENCE)] if level else []),
        Standardize(n_mels, SILENCE),
        Stack(n_mels, stack, SILENCE),
        Linear(n_mels * stack, width),
        recurrent_stack(cell, width, hidden_size, depth, projection=projection, dropout=dropout),
        Delay(width, delay),
        LayerNorm(width),
        Linear(width, outputs),
    )


def acoustic_gru(
    n_mels: Count,
    stack: Count,
    hidden_size: Count,
    depth: Count,
    delay: CountOrNone,
    outputs: Count,
    cell: str = "gru",
    projection: CountOrNone = 0,
    level: bool = False,
    dropout: float = 0.0,
) -> Chain:
    """`acoustic_lstm` with GRU layers."""
    sizes = n_mels, stack, hidden_size, depth, delay, outputs
    return acoustic_lstm(*sizes, cell, projection, level, dropout)


class AcousticBidirectional(Whole):
    """An offline network: `stack` frames side by side, `depth` bidirectional layers, one linear map.

    x [B, T, n_mels] -> logits [B, ceil(T / stack), outputs]. A row's last, unfilled stack is
    filled with frames of silence.
    """

    def __init__(
        self,
        n_mels: Count,
        stack: Count,
        hidden_size: Count,
        depth: Count,
        outputs: Count,
        cell: str = "lstm",
        projection: CountOrNone = 0,
        level: bool = False,
        dropout: float = 0.0,
    ):
        super().__init__(n_mels, outputs)
        self.ratio = Fraction(1, stack)
        width = 2 * (projection or hidden_size)
        self.level = Level(n_mels, SILENCE) if level else None
        self.standardize = Standardize(n_mels, SILENCE)
        self.linear_in = Linear(n_mels * stack, width)
        self.recurrent = BidirectionalStack(
            cell, width, hidden_size, depth, projection=projection, dropout=dropout
        )
        self.out = Chain(LayerNorm(width), Linear(width, outputs))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        batch, steps, _ = x.shape
        stack = self.ratio.denominator
        x = torch.cat([x, x.new_zeros(batch, -steps % stack, self.in_features)], dim=1)
        after = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        x = torch.where(after[..., None], self.standardize.neutral, x)
        if self.level:
            x, _ = self.level.step(x, self.level.initial_state(batch))
        x, _ = self.standardize.step(x, ())
        x, _ = self.linear_in.step(x.reshape(batch, x.shape[1] // stack, -1), ())
        y, _ = self.out.step(self.recurrent(x, self.out_lengths(lengths)), ())
        return y
