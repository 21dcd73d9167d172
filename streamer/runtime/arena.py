"""The states of all streams of one stage, preallocated, a row each."""

import torch
from torch import Tensor

from streamer.models.layers.stage import Stage, State


class Arena:
    """One State of `rows` + 1. Row 0 is scratch: it soaks up padding, and nobody reads it back.

    Law: rows are streams. What is taken from a row is what was last put there, or the stage's
    initial state since its `open`, whatever happened to other rows.
    """

    def __init__(self, stage: Stage, rows: int, device: torch.device):
        self.device = device
        self.initial: State = tuple(leaf.to(device).clone() for leaf in stage.initial_state(1))
        self.state: State = tuple(leaf.to(device).clone() for leaf in stage.initial_state(rows + 1))

    def open(self, row: int) -> None:
        """Make `row` initial. Nothing is asked of a row that is given back."""
        for leaf, first in zip(self.state, self.initial):
            leaf[row] = first[0]

    def fits(self, state: State) -> bool:
        """Whether `state` has the leaves of one row of this stage's."""
        return len(state) == len(self.initial) and all(
            value.shape == leaf.shape and value.dtype == leaf.dtype
            for value, leaf in zip(state, self.initial)
        )

    def take(self, rows: Tensor) -> State:
        """Copy the state of `rows` [B] out of the arena, batch on axis 0."""
        return tuple(leaf.index_select(0, rows) for leaf in self.state)

    def put(self, rows: Tensor, state: State) -> None:
        """Write the state of `rows` [B] back. Of a row that is named twice, either stays."""
        for leaf, value in zip(self.state, state):
            leaf.index_copy_(0, rows, value)
