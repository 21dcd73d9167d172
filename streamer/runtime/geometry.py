"""What a stage declares about itself, as plain numbers: the arithmetic of steps and outputs. No torch."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # for its type alone: whoever counts steps needs no torch
    from streamer.models.layers.stage import Stage


@dataclass(frozen=True)
class Geometry:
    """What a stage declares: `block`, `lookahead` in steps, `ratio` outputs a step."""

    block: int
    ratio: Fraction
    lookahead: int
    neutral: np.ndarray  # float32 [in_features], what closing feeds
    out_features: int

    # Wanted at every step of every stream, and Fractions are slow: worked out once.
    @cached_property
    def warmup(self) -> int:
        """Outputs before the first true one."""
        return int(self.lookahead * self.ratio)

    @cached_property
    def outputs_per_block(self) -> int:
        """Outputs that one block gives."""
        return int(self.block * self.ratio)

    def kept(self, steps: int) -> int:
        """True outputs of a stream that was closed after `steps` steps."""
        return ceil(steps * self.ratio)

    def closing_steps(self, steps: int) -> int:
        """Neutral steps that close a stream of `steps`: they fill the last block, then the lookahead."""
        return -steps % self.block + ceil(self.lookahead / self.block) * self.block

    def steps_for(self, outputs: int) -> int:
        """Input steps, in whole blocks, after which the first `outputs` true outputs are known."""
        return -(-(outputs + self.warmup) // self.outputs_per_block) * self.block


def geometry(stage: "Stage") -> Geometry:
    """The geometry that `stage` declares."""
    neutral = stage.neutral.detach().cpu().numpy().astype(np.float32)
    return Geometry(stage.block, stage.ratio, stage.lookahead, neutral, stage.out_features)
