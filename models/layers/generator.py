"""Feeding outputs back as the next inputs: a pure cell looped inside `step`."""

import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.layers.sampling import draw
from streamer.models.layers.stage import Stage, State


class Looped(Stage):
    """A cell whose last output [B, D] is part of its next input; it is zero before the start.

    State: the cell's, and the last output. Refuses a cell that has more than one step in a block.
    """

    def __init__(self, cell: Stage, in_features: int):
        if cell.block != 1 or cell.ratio != 1 or cell.lookahead:
            raise ValueError("feeding back wants a cell of block 1, ratio 1 and no lookahead")
        if cell.in_features < cell.out_features:
            raise ValueError(
                f"the cell takes {cell.in_features} features and gives {cell.out_features}; "
                "it must take at least what it gives"
            )
        super().__init__(in_features, cell.out_features)
        self.cell = cell

    def initial_state(self, batch: int) -> State:
        last = self.neutral.new_zeros(batch, self.out_features)
        return *self.cell.initial_state(batch), last

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *inner, last = state
        cell_state, last, outputs = tuple(inner), last.unsqueeze(1), []
        for inputs in x.split(1, dim=1):
            last, cell_state = self.advance(inputs, last, cell_state)
            outputs.append(last)
        return torch.cat(outputs, dim=1), (*cell_state, last.squeeze(1))

    def advance(self, inputs: Tensor, last: Tensor, cell_state: State) -> tuple[Tensor, State]:
        """One step of inputs [B, 1, C] after the output last [B, 1, D] -> the next output and cell state."""
        raise NotImplementedError


class Feedback(Looped):
    """y_t = cell(y_(t-1), context_t): numbers fed back as they are.

    x [B, n, C] is the context -> y [B, n, D]; the cell takes D + C features and gives D.
    """

    def __init__(self, cell: Stage):
        super().__init__(cell, cell.in_features - cell.out_features)

    def advance(self, inputs: Tensor, last: Tensor, cell_state: State) -> tuple[Tensor, State]:
        return self.cell.step(torch.cat([last, inputs], dim=-1), cell_state)


class Sampler(Looped):
    """Draws symbols from the cell's logits and feeds each back: a generator of sequences.

    x [B, n, 2 + C]: noise in [0, 1), temperature, context -> one-hot symbols [B, n, K]. The
    randomness is in x, so the same noise gives the same sequence in any chunking and batch. The
    cell takes K + C features, the last symbol and the context.
    """

    def __init__(self, cell: Stage):
        super().__init__(cell, 2 + cell.in_features - cell.out_features)

    def advance(self, inputs: Tensor, last: Tensor, cell_state: State) -> tuple[Tensor, State]:
        noise, temperature, context = inputs.tensor_split((1, 2), dim=-1)
        logits, cell_state = self.cell.step(torch.cat([last, context], dim=-1), cell_state)
        symbols = draw(logits, noise[..., 0], temperature[..., 0])
        return F.one_hot(symbols, logits.shape[-1]).to(logits.dtype), cell_state

    def logits(self, symbols: Tensor, context: Tensor) -> Tensor:
        """Training: logits [B, T, K] of each of `symbols` [B, T, K] given those before it."""
        before = F.pad(symbols, (0, 0, 1, 0))[:, :-1]
        x = torch.cat([before, context], dim=-1)
        return self.cell.step(x, self.cell.initial_state(x.shape[0]))[0]
