"""The level of speech for a CPU: the same recurrence over frames, without a tensor for each of them."""

import numpy as np
import torch
from numba import njit
from torch import Tensor

from models.level import FALL, FLOOR, LEAST, NEAR, RISE, Level
from models.stage import Stage, State

_RISE, _FALL, _NEAR, _LEAST = (np.float32(one) for one in (RISE, FALL, NEAR, LEAST))


class UnrolledLevel(Stage):
    """`Level`; only the way from frame to frame is a loop."""

    def __init__(self, level: Level, product: object):
        super().__init__(level.in_features, level.out_features, level.neutral)
        self.initial_state = level.initial_state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        loudness = x.float().exp().mean(-1).log()
        levels, after = torch.empty_like(loudness), torch.empty_like(state[0])
        follow(loudness.numpy(), state[0].contiguous().numpy(), levels.numpy(), after.numpy())
        return (x - levels[..., None]).clamp_(min=FLOOR), (after,)


@njit(cache=True)
def follow(loudness, before, levels, after):
    """loudness [B, T] and the level before it [B, 1] -> the level at every frame [B, T], and after them."""
    for b in range(loudness.shape[0]):
        level = before[b, 0]
        for t in range(loudness.shape[1]):
            above = loudness[b, t] - level
            if above > 0:
                level += _RISE * above
            elif above < -_NEAR:
                level -= _FALL
            level = max(level, _LEAST)
            levels[b, t] = level
        after[b, 0] = level
