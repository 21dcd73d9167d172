"""The contract of every live network: a Stage has one verb, `step`, and its State is a value."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, lcm
from typing import cast

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]  # a flat tuple; the batch is axis 0 of every leaf


class Stage(nn.Module):
    """A causal map over sequences that runs the same in any chunking.

    `step` takes `n * block` input steps and returns `n * block * ratio` output steps. The first
    `warmup` outputs of a stream come before its first true output and are dropped by count.

    Laws (checked by `streamer.models.bundle.verify`): *cuts* - any chunking gives the same outputs and
    states; *rows* - neighbours in the batch do not matter; *shape* - the structure of the state never
    changes; *honesty* - a NaN placed after t + lookahead never reaches output t; *drain* - closing
    emits exactly what the lookahead held back.
    """

    block: int = 1  # input steps consumed together
    ratio: Fraction = Fraction(1)  # output steps per input step
    lookahead: int = 0  # input steps that must follow before an output is true
    neutral: Tensor  # [in_features], the input that closing feeds: numbers, not recorded silence

    def __init__(self, in_features: int, out_features: int, neutral: float | Tensor = 0.0):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        row = torch.as_tensor(neutral, dtype=torch.float32).expand(in_features).clone()
        self.register_buffer("neutral", row, persistent=False)

    @property
    def warmup(self) -> int:
        """Outputs that come before the first true one and are dropped."""
        return int(self.lookahead * self.ratio)

    def initial_state(self, batch: int) -> State:
        """The state of `batch` streams that have heard nothing."""
        return ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """x [B, n*block, in_features] -> y [B, n*block*ratio, out_features] and the new state."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, in_features], a whole sequence -> y [B, ceil(T*ratio), out_features]."""
        if not x.shape[1]:
            return x.new_zeros(x.shape[0], 0, self.out_features)
        padded = torch.cat([x, self.closing(x)], dim=1)
        y, _ = self.step(padded, self.initial_state(x.shape[0]))
        return y[:, self.warmup : self.warmup + self.kept(x.shape[1])]

    def kept(self, steps: int) -> int:
        """Outputs of a stream that was closed after `steps` input steps."""
        return ceil(steps * self.ratio)

    def closing_steps(self, steps: int) -> int:
        """Neutral steps that close a stream of `steps`: to fill the last block, then the lookahead."""
        return -steps % self.block + ceil(self.lookahead / self.block) * self.block

    def closing(self, x: Tensor) -> Tensor:
        """The neutral steps [B, closing_steps, in_features] that close x [B, T, in_features]."""
        return self.neutral.to(x).expand(x.shape[0], self.closing_steps(x.shape[1]), -1)


class StageList(nn.ModuleList):
    """An `nn.ModuleList` of stages."""

    def __iter__(self) -> Iterator[Stage]:
        return cast(Iterator[Stage], super().__iter__())


class Chain(Stage):
    """Stages one after the other: block by lcm, ratio by product, lookahead summed in input steps.

    A stage's warm-up outputs flow into the next stage, in training as in live use, so that the chain is
    a Stage like any other and only its own warm-up is dropped. Where that warm-up does not fill blocks
    of the next stage, the blocks of that stage begin later than the stream does.
    """

    def __init__(self, *stages: Stage):
        if not stages:
            raise ValueError("a Chain of no stages; give at least one")
        for before, after in zip(stages, stages[1:]):
            if before.out_features != after.in_features:
                raise ValueError(
                    f"{type(before).__name__} gives {before.out_features} features and "
                    f"{type(after).__name__} takes {after.in_features}; make them equal"
                )
        super().__init__(stages[0].in_features, stages[-1].out_features, stages[0].neutral)
        self.stages = StageList(stages)
        self.state_sizes = [len(stage.initial_state(0)) for stage in stages]
        self.ratio, lookahead, block = Fraction(1), Fraction(0), 1
        for stage in stages:
            # A block of this stage, counted in input steps of the chain.
            block = lcm(block, (Fraction(stage.block) / self.ratio).numerator)
            lookahead += stage.lookahead / self.ratio
            self.ratio *= stage.ratio
        self.block = block
        # Rounded up to whole outputs, so that the warm-up is a count.
        per_output = self.ratio.denominator
        self.lookahead = ceil(lookahead / per_output) * per_output

    def initial_state(self, batch: int) -> State:
        return tuple(leaf for stage in self.stages for leaf in stage.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after: list[Tensor] = []
        for stage, size in zip(self.stages, self.state_sizes):
            x, new = stage.step(x, state[:size])
            after.extend(new)
            state = state[size:]
        return x, tuple(after)
