"""Channels mixed to one."""

import numpy as np

CANCELLED = 0.01  # of the loudest channel's power is left in the mean: the channels cancel
QUIET = 1e-7  # power of a block, -70 dBFS, below which nothing is concluded from it


class Mixer:
    """Takes a recording's blocks in order: their mean, or where that cancels the loudest channel."""

    def __init__(self) -> None:
        self.channel: int | None = None  # the last one that was heard by itself

    def mono(self, block: np.ndarray) -> np.ndarray:
        """[n, channels] -> [n]."""
        mean: np.ndarray = block.mean(axis=1)
        if block.shape[1] == 1 or not len(block):
            return mean
        powers = np.square(block).mean(axis=0)
        if powers.max() < QUIET or np.square(mean).mean() > CANCELLED * powers.max():
            return mean
        # Channels that cancel are about equally loud: to go from one to the other flips the sign.
        if self.channel is None or powers[self.channel] < powers.max() / 2:
            self.channel = int(powers.argmax())
        return block[:, self.channel]
