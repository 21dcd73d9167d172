"""Each law of a Stage or a Whole as a generator of findings: how far the network is from keeping it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil, inf
from typing import TypeVar

import torch
from torch import Tensor

from streamer.models.bundle.findings import Finding, compare, same, truth
from streamer.models.layers.stage import Chain, Stage, State
from streamer.models.layers.whole import Whole

Network = TypeVar("Network", Stage, Whole)
Law = Callable[[Network, int, torch.Generator], Iterator[Finding]]


def cuts(stage: Stage, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """Any chunking gives the same outputs and states, whatever the module did in between."""
    x = _sequence(stage, 2, blocks + ceil(stage.lookahead / stage.block), random)
    begin = stage.initial_state(2)
    kept = tuple(leaf.clone() for leaf in begin)
    weights = {name: value.clone() for name, value in stage.state_dict().items()}
    whole, end = stage.step(x, begin)
    yield from same("step changed the state that it was given", kept, begin)
    again, _ = stage.step(x, begin)
    yield compare("the same step gave another output the second time", whole, again)
    count = x.shape[1] // stage.block
    for cut in _cuts(count, random):
        state, outputs = begin, []
        for chunk in x.split([n * stage.block for n in cut], dim=1):
            y, state = stage.step(chunk, state)
            outputs.append(y)
            # A stranger's step: a module that remembers anything gives itself away.
            stage.step(torch.randn_like(chunk[:1]), stage.initial_state(1))
        yield compare(f"chunks of {cut} blocks gave other outputs", whole, torch.cat(outputs, 1))
        yield from same(f"chunks of {cut} blocks gave another state", end, state)
    for name, value in stage.state_dict().items():
        yield compare(f"step changed {name}, which the module holds", weights[name], value)


def rows(stage: Stage, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """Neighbours in the batch do not matter, poisoned ones included."""
    x = _sequence(stage, 3, blocks, random)
    half = blocks // 2 * stage.block
    first, state = stage.step(x[:, :half], stage.initial_state(3))
    second, end = stage.step(x[:, half:], state)
    together = torch.cat([first, second], dim=1)
    for row in range(3):
        alone, own = _run(stage, x[row : row + 1], half, stage.initial_state(1))
        yield compare("a row alone gave other outputs", together[row : row + 1], alone)
        yield from same("a row alone gave another state", _row(end, row), own)
        poisoned = x.clone()
        poisoned[[r for r in range(3) if r != row]] = torch.nan
        beside, own = _run(stage, poisoned, half, stage.initial_state(3))
        claim = "a neighbour's NaN reached a row"
        yield compare(claim, together[row : row + 1], beside[row : row + 1])
        yield from same(claim, _row(end, row), _row(own, row))
    turned, own = _run(stage, x.flip(0), half, stage.initial_state(3))
    yield compare("rows in another order gave other outputs", together, turned.flip(0))
    yield from same("rows in another order gave other states", end, tuple(leaf.flip(0) for leaf in own))


def shape(stage: Stage, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """The structure of the state never changes, and outputs are as many as declared."""
    for batch in (1, 2, 3):
        state = stage.initial_state(batch)
        wanted = [(batch, *leaf.shape[1:]) for leaf in stage.initial_state(1)]
        types = [leaf.dtype for leaf in state]
        for count in (1, 2, blocks):
            shapes = [tuple(leaf.shape) for leaf in state]
            yield truth(f"the state is {shapes}, wanted {wanted}", shapes == wanted)
            found_types = [leaf.dtype for leaf in state]
            yield truth(f"the state's types became {found_types}", found_types == types)
            y, state = stage.step(_sequence(stage, batch, count, random), state)
            yield truth("the state is not a flat tuple of tensors", _is_state(state))
            size = (batch, count * stage.block * stage.ratio, stage.out_features)
            yield truth(f"outputs are {tuple(y.shape)}, wanted {size}", tuple(y.shape) == size)
    yield truth(
        f"block {stage.block} gives no whole number of outputs at ratio {stage.ratio}",
        (stage.block * stage.ratio).denominator == 1,
    )


def honesty(stage: Stage, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """What comes after t + lookahead never reaches output t: neither another future nor a NaN.

    A NaN in the same block as t + lookahead is let through: a block is one product, and 0 * NaN is
    NaN where another number would not have counted.
    """
    x = _sequence(stage, 1, blocks + ceil(stage.lookahead / stage.block), random)
    steps = x.shape[1]
    true, _ = stage.step(x, stage.initial_state(1))
    places = torch.randint(1, steps, (6,), generator=random).tolist() if steps > 1 else []
    for place in sorted({1, steps // 2, steps - 1, *places}):
        shape = x[:, place:].shape
        for claim, future, before in (
            ("the future reached an output", torch.randn(shape, generator=random), place),
            (
                "a NaN in the future reached an output",
                torch.full(shape, torch.nan),
                place // stage.block * stage.block,
            ),
        ):
            other = torch.cat([x[:, :place], future], dim=1)
            y, _ = stage.step(other, stage.initial_state(1))
            # Outputs that rest on nothing from `before` on, after the warm-up, which is dropped.
            true_until = stage.warmup + int((before - stage.lookahead) * stage.ratio)
            if true_until > stage.warmup:
                kept = slice(stage.warmup, true_until)
                yield compare(claim, true[:, kept], y[:, kept])


def drain(stage: Stage, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """Closing emits exactly what the lookahead held back: all outputs, and none that need more.

    So does each stage of a Chain by itself: in the whole, one may hide what another loses.
    """
    for name, inner in _parts(stage):
        for finding in drain(inner, blocks, random):
            yield replace(finding, claim=f"{name}: {finding.claim}")
    x = _sequence(stage, 2, blocks + ceil(stage.lookahead / stage.block), random)
    for steps in {x.shape[1], x.shape[1] - 1, stage.block, 1}:
        part = x[:, :steps]
        closed = stage(part)
        wanted = (2, ceil(steps * stage.ratio), stage.out_features)
        claim = f"{steps} steps closed to {tuple(closed.shape)}, wanted {wanted}"
        yield truth(claim, tuple(closed.shape) == wanted)
        yield compare("closing a stream gave other outputs than the whole", closed, _live(stage, part))
        true_until = int(max(0, steps - stage.lookahead) * stage.ratio)
        longer = stage(torch.cat([part, x], dim=1))
        yield compare(
            "closing changed outputs that were true", closed[:, :true_until], longer[:, :true_until]
        )
    held = _held_back(stage, random)
    claim = f"it holds {held} steps back and declares a lookahead of {stage.lookahead}"
    yield truth(f"{claim}, which is too little", held <= stage.lookahead)
    # A lookahead is rounded up to whole blocks and outputs.
    yield truth(f"{claim}, which is too much", held < max(stage.block, ceil(1 / stage.ratio), 1))
    yield truth("the last input reached no output", _last_matters(stage, x, random))


def endurance(stage: Stage, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """A long stream, block by block beside a neighbour, equals it in one piece, and stays finite."""
    x = _sequence(stage, 2, blocks, random)
    state = stage.initial_state(2)
    shapes, outputs = [leaf.shape for leaf in state], []
    for count, block in enumerate(x.split(stage.block, dim=1), start=1):
        y, state = stage.step(block, state)
        outputs.append(y)
        after = f"after {count} blocks"
        yield truth(f"the state has another shape {after}", [leaf.shape for leaf in state] == shapes)
        finite = all(bool(torch.isfinite(leaf).all()) for leaf in (y, *state) if leaf.is_floating_point())
        yield truth(f"an output or a state is not finite {after}", finite)
    whole, end = stage.step(x[:1], stage.initial_state(1))
    claim = f"{blocks} blocks one by one gave another"
    yield compare(f"{claim} output than in one piece", whole, torch.cat(outputs, dim=1)[:1])
    yield from same(f"{claim} state than in one piece", end, _row(state, 0))


def _parts(stage: Stage) -> Iterator[tuple[str, Stage]]:
    """The stages that a Chain holds, with their names."""
    if isinstance(stage, Chain):
        for number, part in enumerate(stage.stages):
            yield f"stages.{number} ({type(part).__name__})", part


def whole_rows(network: Whole, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """Neighbours do not matter, nor what stands in the padding."""
    x, lengths = _recordings(network, blocks, random)
    true = network(x, lengths)
    counts = network.out_lengths(lengths).tolist()
    for row, (length, count) in enumerate(zip(lengths.tolist(), counts)):
        alone = network(x[row : row + 1, :length], lengths[row : row + 1])
        yield compare("a row alone gave other outputs", true[row, :count], alone[0, :count])
    poisoned = x.clone()
    for row, length in enumerate(lengths.tolist()):
        poisoned[row, length:] = torch.nan
    y = network(poisoned, lengths)
    for row, count in enumerate(counts):
        yield compare("the padding reached an output", true[row, :count], y[row, :count])


def whole_lengths(network: Whole, blocks: int, random: torch.Generator) -> Iterator[Finding]:
    """Row b has ceil(lengths[b] * ratio) outputs."""
    x, lengths = _recordings(network, blocks, random)
    wanted = [ceil(length * network.ratio) for length in lengths.tolist()]
    out_lengths = network.out_lengths(lengths).tolist()
    yield truth(f"out_lengths gives {out_lengths}, wanted {wanted}", out_lengths == wanted)
    y = network(x, lengths)
    claim = f"outputs are {tuple(y.shape)}, wanted {(len(x), max(wanted), network.out_features)}"
    yield truth(claim, y.shape[1] >= max(wanted) and y.shape[::2] == (len(x), network.out_features))


def _sequence(stage: Stage, batch: int, blocks: int, random: torch.Generator) -> Tensor:
    return torch.randn(batch, blocks * stage.block, stage.in_features, generator=random)


def _recordings(network: Whole, blocks: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    steps = blocks * network.ratio.denominator + 1
    lengths = torch.tensor([steps, max(1, steps // 2), 1])
    return torch.randn(3, steps, network.in_features, generator=random), lengths


def _cuts(count: int, random: torch.Generator) -> Iterator[list[int]]:
    """Chunk sizes in blocks that sum to `count`: one by one, halves, and three at random."""
    yield [1] * count
    yield [count // 2, count - count // 2] if count > 1 else [count]
    for _ in range(3):
        sizes, left = [], count
        while left:
            sizes.append(int(torch.randint(1, left + 1, (1,), generator=random)))
            left -= sizes[-1]
        yield sizes


def _run(stage: Stage, x: Tensor, half: int, state: State) -> tuple[Tensor, State]:
    outputs = []
    for part in (x[:, :half], x[:, half:]):
        y, state = stage.step(part, state)
        outputs.append(y)
    return torch.cat(outputs, dim=1), state


def _live(stage: Stage, x: Tensor) -> Tensor:
    """As the engine does it: block by block, closing, warm-up dropped by count."""
    state, outputs = stage.initial_state(x.shape[0]), []
    for block in torch.cat([x, stage.closing(x)], dim=1).split(stage.block, dim=1):
        y, state = stage.step(block, state)
        outputs.append(y)
    return torch.cat(outputs, dim=1)[:, stage.warmup :][:, : ceil(x.shape[1] * stage.ratio)]


def _last_matters(stage: Stage, x: Tensor, random: torch.Generator) -> bool:
    """Whether the inputs of the last output reach any output of the closed stream."""
    closed, span = stage(x), ceil(1 / stage.ratio)
    for _ in range(4):
        other = x.clone()
        other[:, -span:] = torch.randn(other[:, -span:].shape, generator=random)
        if not torch.equal(stage(other), closed):
            return True
    return False


def _held_back(stage: Stage, random: torch.Generator) -> float:
    """Whole input steps from a block to the first output that it reaches: 0 where that is its own.

    inf where it reaches none of the outputs of the next blocks.
    """
    before = ceil(stage.lookahead / stage.block) + 1
    x = _sequence(stage, 1, 3 * before + 8, random)
    y, _ = stage.step(x, stage.initial_state(1))
    held = inf
    for attempt in range(8):  # outputs that are choices don't change with every input
        place = (before + attempt % 2) * stage.block
        other = x.clone()
        other[:, place:] = torch.randn(other[:, place:].shape, generator=random)
        differs = (stage.step(other, stage.initial_state(1))[0] != y).any(-1)[0]
        if differs.any():
            held = min(held, int(differs.int().argmax()) // stage.ratio - place)
    return held


def _row(state: State, row: int) -> State:
    return tuple(leaf[row : row + 1] for leaf in state)


def _is_state(state: object) -> bool:
    return isinstance(state, tuple) and all(isinstance(leaf, Tensor) for leaf in state)
