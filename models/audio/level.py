"""Loudness taken out of log-mel frames while they come, so that no network has to learn it."""

import torch
from torch import Tensor

from streamer.models.layers.stage import Stage, State

START = -9.0  # ln of the mean mel power that a stream begins at: speech at about -40 dBFS
LEAST = -11.5  # quieter sound stays quiet: the noise of an idle microphone is no speech
RISE = 0.08  # share of the way to a louder frame that the level goes in a frame
FALL = 0.004  # nepers of power that it sinks in a frame; at 10 ms a frame 1.7 dB a second
NEAR = 2.0  # nepers below the level within which a frame holds it up
FLOOR = -14.0  # nepers below the level; fainter sound is raised to it


class Level(Stage):
    """Log-mel frames less the level of the speech in them: x [B, T, n_mels] -> the same shape.

    The level follows the loudest frames: quickly up, slowly down, and not at all while frames come
    near it. State: level [B, 1], in ln of the mean mel power.
    """

    def __init__(self, n_mels: int, neutral: float):
        super().__init__(n_mels, n_mels, neutral)

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_full((batch, 1), START),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (level,) = state
        levels = []
        # In float32 whatever the network computes in: steps of FALL would vanish.
        for loudness in x.float().exp().mean(-1, keepdim=True).log().unbind(1):
            above = loudness - level
            falling = torch.where(above < -NEAR, -FALL, 0.0)
            level = (level + torch.where(above > 0, RISE * above, falling)).clamp(min=LEAST)
            levels.append(level)
        return (x - torch.stack(levels, 1)).clamp(min=FLOOR), (level,)
