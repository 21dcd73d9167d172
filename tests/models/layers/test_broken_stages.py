"""Stages that break a law, each of which `verify` must catch under that law's name."""

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from streamer.models.bundle.verify import verify
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import Stage
from streamer.models.layers.whole import Bidirectional, Whole


class PeeksAFrameAhead(Stage):
    def step(self, x, state):
        return x + F.pad(x, (0, 0, 0, 1))[:, 1:], state


class SharesARow(Stage):
    def step(self, x, state):
        return x + x.mean(0, keepdim=True), state


class NormalisesOverTheBatch(Stage):
    def step(self, x, state):
        return x - x.max(0, keepdim=True).values, state


class LosesItsDrain(Stage):
    """Holds two steps back and declares none, so that the last two never come out."""

    def initial_state(self, batch):
        return (torch.zeros(batch, 2, self.in_features),)

    def step(self, x, state):
        x = torch.cat([state[0], x], dim=1)
        return x[:, :-2], (x[:, -2:],)


class LiesAboutItsLookahead(LosesItsDrain):
    """Holds two steps back and declares one."""

    lookahead = 1


class Raises(Stage):
    def step(self, x, state):
        raise ZeroDivisionError("in two\nlines")


class ClosesTooEarly(LosesItsDrain):
    """Declares its lookahead, and closes without it."""

    lookahead = 2

    def closing_steps(self, steps):
        return 0


class KeepsTooMuch(Stage):
    lookahead = 2

    def kept(self, steps):
        return steps + 1

    def closing_steps(self, steps):
        return 3

    def step(self, x, state):
        return x, state


class DrainsAnotherWay(Stage):
    """Its forward sees the future that its step does not."""

    def step(self, x, state):
        return x, state

    def forward(self, x):
        return x + x.mean(1, keepdim=True)


class GrowsItsState(Stage):
    def initial_state(self, batch):
        return (torch.zeros(batch, 0, self.in_features),)

    def step(self, x, state):
        return x, (torch.cat([state[0], x], dim=1),)


class ChangesItsStatesType(Stage):
    def initial_state(self, batch):
        return (torch.zeros(batch, self.in_features),)

    def step(self, x, state):
        return x, (x[:, -1].double(),)


class NestsItsState(Stage):
    def initial_state(self, batch):
        return (torch.zeros(batch, 1),)

    def step(self, x, state):
        return x, ((state[0],),)


class DependsOnChunking(Stage):
    def step(self, x, state):
        return x - x.cumsum(1) / x.shape[1], state


class RemembersInTheModule(Stage):
    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)
        self.last = torch.zeros(1, 1, in_features)

    def step(self, x, state):
        y = x + self.last.mean()
        self.last = x[:, -1:]
        return y, state


class CountsInABuffer(Stage):
    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)
        self.register_buffer("count", torch.zeros(()))

    def step(self, x, state):
        self.count += 1
        return x, state


class WritesIntoItsState(Stage):
    def initial_state(self, batch):
        return (torch.zeros(batch, self.in_features),)

    def step(self, x, state):
        state[0].add_(x.sum(1))
        return x, state


class LiesAboutItsRatio(Stage):
    block, ratio = 2, Fraction(1, 2)

    def step(self, x, state):
        return x, state


class RollsDice(Stage):
    def step(self, x, state):
        return x + torch.rand_like(x), state


class StartsWithNoise(Stage):
    def initial_state(self, batch):
        return (torch.randn(batch, self.in_features),)

    def step(self, x, state):
        return x + state[0][:, None], state


class PadsIntoTheReverse(Whole):
    """Runs backwards over the padding too."""

    def __init__(self):
        super().__init__(3, 8)
        self.inner = Bidirectional(LSTM(3, 4), LSTM(3, 4))

    def forward(self, x, lengths):
        return self.inner(x, torch.full_like(lengths, x.shape[1]))


class MiscountsItsLengths(Whole):
    ratio = Fraction(1, 2)

    def __init__(self):
        super().__init__(3, 3)

    def forward(self, x, lengths):
        return x[:, ::2]

    def out_lengths(self, lengths):
        return lengths // 2


BROKEN = [
    (PeeksAFrameAhead, {"honesty", "cuts"}),
    (SharesARow, {"rows"}),
    (NormalisesOverTheBatch, {"rows"}),
    (LosesItsDrain, {"drain"}),
    (LiesAboutItsLookahead, {"drain"}),
    (Raises, {"cuts", "rows", "shape", "honesty", "drain"}),
    (ClosesTooEarly, {"drain"}),
    (KeepsTooMuch, {"drain"}),
    (DrainsAnotherWay, {"drain"}),
    (GrowsItsState, {"shape"}),
    (ChangesItsStatesType, {"shape"}),
    (NestsItsState, {"shape"}),
    (DependsOnChunking, {"cuts"}),
    (RemembersInTheModule, {"cuts"}),
    (CountsInABuffer, {"cuts"}),
    (WritesIntoItsState, {"cuts"}),
    (LiesAboutItsRatio, {"shape"}),
    (RollsDice, {"cuts"}),
    (StartsWithNoise, {"rows"}),
]


@pytest.mark.parametrize("kind,laws", BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_verify_catches_it(kind, laws):
    failed = {r.law: r.note for r in verify(kind(3, 3)) if not r.passed}
    assert laws <= failed.keys()
    assert all(note and "\n" not in note for note in failed.values())


@pytest.mark.parametrize("kind,law", [(PadsIntoTheReverse, "rows"), (MiscountsItsLengths, "lengths")])
def test_verify_catches_a_broken_whole(kind, law):
    assert law in {r.law for r in verify(kind()) if not r.passed}
