"""The level of speech for a CPU: the same recurrence over frames, without a tensor for each of them."""

import numpy as np
import torch
from torch import Tensor

from streamer.models.audio.level import FALL, FLOOR, LEAST, NEAR, RISE, Level
from streamer.models.kernels.gates import HALF, compiled, inlined
from streamer.models.layers.stage import Stage, State

_RISE, _FALL, _NEAR, _LEAST, _FLOOR = (np.float32(value) for value in (RISE, FALL, NEAR, LEAST, FLOOR))

# e^x = 2^n e^r with r within half of ln 2 of zero, where a polynomial is exact to float32 (Cephes' expf).
LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOWEST, HIGHEST = np.float32(-87.0), np.float32(88.0)
E5, E4, E3 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
E2, E1, E0 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
ONE, BIAS, MANTISSA = np.float32(1.0), np.int32(127), np.int32(23)


class CompiledLevel(Stage):
    """`Level` in one pass."""

    def __init__(self, level: Level, product: object):
        super().__init__(level.in_features, level.out_features, level.neutral)
        self.level = level

    def initial_state(self, batch: int) -> State:
        return self.level.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        x, before = x.float().contiguous(), state[0].contiguous()
        y, after = torch.empty_like(x), torch.empty_like(before)
        follow(x.numpy(), before.numpy(), y.numpy(), after.numpy())
        return y, (after,)


@compiled
def follow(x, before, y, after):
    """Frames x [B, T, C] and the level before [B, 1] -> frames less their level, the level after."""
    size = np.float32(x.shape[2])
    for b in range(x.shape[0]):
        level = before[b, 0]
        for t in range(x.shape[1]):
            total = np.float32(0.0)
            for k in range(x.shape[2]):
                total += exp(x[b, t, k])
            above = np.log(total / size) - level
            if above > 0:
                level += _RISE * above
            elif above < -_NEAR:
                level -= _FALL
            level = max(level, _LEAST)
            for k in range(x.shape[2]):
                y[b, t, k] = max(x[b, t, k] - level, _FLOOR)
        after[b, 0] = level


@inlined
def exp(x):
    x = min(max(x, LOWEST), HIGHEST)
    n = np.floor(x * LOG2_E + HALF)
    r = x - n * LN2_HIGH - n * LN2_LOW
    power = (((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0) * r * r + r + ONE
    return power * np.int32((np.int32(n) + BIAS) << MANTISSA).view(np.float32)
