"""Feeding outputs back as the next inputs: a pure cell looped inside `step`."""

import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.layers.stage import Stage, State

TEMPERATURE_FLOOR = 1e-3  # at and below it the most probable output is taken


class Feedback(Stage):
    """y_t = cell(y_(t-1), context_t): numbers fed back as they are, y before the start being 0.

    x [B, n, C] is the context -> y [B, n, D]; the cell takes D + C features and gives D.
    State: the cell's, and the last output [B, D].
    """

    def __init__(self, cell: Stage):
        _check_cell(cell)
        super().__init__(cell.in_features - cell.out_features, cell.out_features)
        self.cell = cell

    def initial_state(self, batch: int) -> State:
        last = self.neutral.new_zeros(batch, self.out_features)
        return *self.cell.initial_state(batch), last

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *inner, last = state
        last, inner, outputs = last.unsqueeze(1), tuple(inner), []
        for context in x.split(1, dim=1):
            last, inner = self.cell.step(torch.cat([last, context], dim=-1), inner)
            outputs.append(last)
        return torch.cat(outputs, dim=1), (*inner, last.squeeze(1))


class Sampler(Stage):
    """Draws symbols from the cell's logits and feeds each back: a generator of sequences.

    x [B, n, 2 + C]: noise in [0, 1), temperature, context -> one-hot symbols [B, n, K]. The
    randomness is in x, so the same noise gives the same sequence in any chunking and batch. The
    cell takes K + C features, the last symbol (none before the start: zeros) and the context.
    State: the cell's, and the last symbol [B, K].
    """

    def __init__(self, cell: Stage):
        _check_cell(cell)
        super().__init__(2 + cell.in_features - cell.out_features, cell.out_features)
        self.cell = cell

    def initial_state(self, batch: int) -> State:
        last = self.neutral.new_zeros(batch, self.out_features)
        return *self.cell.initial_state(batch), last

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *inner, last = state
        last, inner, symbols = last.unsqueeze(1), tuple(inner), []
        for now in x.split(1, dim=1):
            noise, temperature, context = now.tensor_split((1, 2), dim=-1)
            logits, inner = self.cell.step(torch.cat([last, context], dim=-1), inner)
            last = _draw(logits, noise, temperature)
            symbols.append(last)
        return torch.cat(symbols, dim=1), (*inner, last.squeeze(1))

    def logits(self, symbols: Tensor, context: Tensor) -> Tensor:
        """Training: logits [B, T, K] of each of `symbols` [B, T, K] given those before it."""
        before = F.pad(symbols, (0, 0, 1, 0))[:, :-1]
        x = torch.cat([before, context], dim=-1)
        return self.cell.step(x, self.cell.initial_state(x.shape[0]))[0]


def _check_cell(cell: Stage) -> None:
    if cell.block != 1 or cell.ratio != 1 or cell.lookahead:
        raise ValueError("feeding back wants a cell of block 1, ratio 1 and no lookahead")
    if cell.in_features < cell.out_features:
        raise ValueError(
            f"the cell takes {cell.in_features} features and gives {cell.out_features}; "
            "it must take at least what it gives"
        )


def _draw(logits: Tensor, noise: Tensor, temperature: Tensor) -> Tensor:
    """The symbol whose share of the cumulated probability holds `noise`, one-hot [B, 1, K]."""
    warm = torch.softmax(logits / temperature.clamp(min=TEMPERATURE_FLOOR), dim=-1)
    # Counting the sums at or below the noise; the last sum is left out, for it may round below 1.
    drawn = (warm.cumsum(-1)[..., :-1] <= noise).sum(-1)
    index = torch.where(temperature[..., 0] <= TEMPERATURE_FLOOR, logits.argmax(-1), drawn)
    return F.one_hot(index, logits.shape[-1]).to(logits.dtype)
