"""Stages that break a law, each of which `verify` must catch under that law's name."""

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from streamer.models.bundle.verify import verify
from streamer.models.layers.feedforward import Delay, Stack
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import Chain, Stage
from streamer.models.layers.whole import Bidirectional, Whole
from tests.stages import STAGES, fresh


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


class HoldsTwoDeclaresThree(LosesItsDrain):
    lookahead = 3


class HoldsTwoInAChain(Chain):
    """The lookahead of another part covers what this one loses, so that the whole looks right."""

    def __init__(self, in_features, out_features):
        super().__init__(Delay(in_features, 3), LosesItsDrain(in_features, out_features), LSTM(3, 3))


class HoldsOneBeforeAStride(Chain):
    """One step is held back and lost, and the stride hides it: its block still hears something."""

    def __init__(self, in_features, out_features):
        super().__init__(HoldsOne(in_features, in_features), Stack(in_features, 4))


class HoldsOne(Stage):
    def initial_state(self, batch):
        return (torch.zeros(batch, 1, self.in_features),)

    def step(self, x, state):
        x = torch.cat([state[0], x], dim=1)
        return x[:, :-1], (x[:, -1:],)


class CountsInHalves(Stage):
    """A count in float16, which stops at 2,048 where steps come one by one."""

    def initial_state(self, batch):
        return (torch.zeros(batch, 1, dtype=torch.float16),)

    def step(self, x, state):
        return x, (state[0] + x.shape[1],)


class GrowsACacheLate(Stage):
    """A cache of a fixed size until 4,000 steps have gone."""

    def initial_state(self, batch):
        return torch.zeros(batch, 1), torch.zeros(batch, 8, self.in_features)

    def step(self, x, state):
        count, cache = state
        count = count + x.shape[1]
        cache = torch.cat([cache, x], dim=1)
        return x, (count, cache[:, -8:] if float(count.max()) < 4000 else cache)


class Explodes(Stage):
    """A state that doubles at each step, to infinity after 128."""

    def initial_state(self, batch):
        return (torch.ones(batch, 1),)

    def step(self, x, state):
        return x, (state[0] * 2.0 ** x.shape[1],)


class LooksUpItsPosition(Stage):
    """A table of 5,000 positions, and no more."""

    def initial_state(self, batch):
        return (torch.zeros(batch, 1, dtype=torch.int64),)

    def step(self, x, state):
        table = torch.linspace(0, 1, 5000)
        return x + table[state[0] + torch.arange(x.shape[1])].unsqueeze(-1), (state[0] + x.shape[1],)


LATE = [
    (CountsInHalves, "state than in one piece"),
    (GrowsACacheLate, "another shape after 4000 blocks"),
    (Explodes, "not finite after 128 blocks"),
    (LooksUpItsPosition, "IndexError"),
]
BROKEN = [
    (HoldsTwoDeclaresThree, {"drain"}),
    (HoldsTwoInAChain, {"drain"}),
    (HoldsOneBeforeAStride, {"drain"}),
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


@pytest.mark.parametrize(
    "kind,note",
    [
        (LiesAboutItsLookahead, "holds 2 steps back and declares a lookahead of 1, which is too little"),
        (HoldsTwoDeclaresThree, "holds 2 steps back and declares a lookahead of 3, which is too much"),
        (HoldsTwoInAChain, "stages.1 (LosesItsDrain): "),
        (HoldsOneBeforeAStride, "stages.0 (HoldsOne): "),
    ],
)
def test_verify_tells_how_a_lookahead_is_wrong(kind, note):
    failed = {r.law: r.note for r in verify(kind(3, 3)) if not r.passed}
    assert failed.keys() == {"drain"}
    assert note in failed["drain"]


@pytest.mark.parametrize("kind,note", LATE)
def test_a_long_stream_shows_what_a_short_one_hides(kind, note):
    assert all(r.passed for r in verify(kind(3, 3)))
    failed = {r.law: r.note for r in verify(kind(3, 3), steps=10_000) if not r.passed}
    assert failed.keys() == {"endurance"}
    assert note in failed["endurance"]


@pytest.mark.parametrize("name", ["lstm", "gru", "residual", "convolutions over each other"])
def test_lawful_stages_endure(name):
    assert all(r.passed for r in verify(fresh(STAGES[name]), steps=2000))


@pytest.mark.parametrize("kind,law", [(PadsIntoTheReverse, "rows"), (MiscountsItsLengths, "lengths")])
def test_verify_catches_a_broken_whole(kind, law):
    assert law in {r.law for r in verify(kind()) if not r.passed}
