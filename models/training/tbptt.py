"""Back-propagation through time, truncated (Williams & Peng 1990), and its product of Jacobians."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.func import jacrev

from streamer.models.layers.stage import Stage, State


def truncated(
    stage: Stage, x: Tensor, state: State, every: int, span: int
) -> Iterator[tuple[Tensor, slice, State]]:
    """Outputs to learn from, `every` input steps at a time, whose gradient reaches `span` steps back.

    x [B, T, C] -> (y, part, after): y are the outputs `part` of the stage's whole run over x, and
    `after` the state that follows them, detached. The caller adds up the gradients of its loss on each y;
    with span >= T they sum to the gradient through the whole unrolled network. Both counts are
    multiples of the block, span >= every; span > every runs the steps before a part once more.
    """
    if every % stage.block or span % stage.block or not 0 < every <= span:
        raise ValueError(
            f"every {every} and span {span} must be multiples of block {stage.block}, every <= span"
        )
    states = {0: detached(state)}  # by the step that they stand before
    for start in range(0, x.shape[1], every):
        end = min(start + every, x.shape[1])
        # The earliest known state from which the part's end is at most `span` steps away.
        begin = min(step for step in states if step >= min(start, end - span))
        between = states[begin]
        if begin < start:
            _, between = stage.step(x[:, begin:start], between)
        y, after = stage.step(x[:, start:end], between)
        states[end] = detached(after)
        states = {step: known for step, known in states.items() if step >= end + every - span}
        first = int(start * stage.ratio)
        yield y, slice(first, first + y.shape[1]), states[end]


def detached(state: State) -> State:
    """The same numbers, cut off from the gradient."""
    return tuple(leaf.detach() for leaf in state)


def jacobians(stage: Stage, x: Tensor, state: State) -> Tensor:
    """d state_t / d state_(t-1) of one stream at every block: x [1, n*block, C] -> [n, S, S].

    S numbers are the state, its leaves flattened one after the other. The product of the last
    to the first is d state_n / d state_0: where its norm falls below or grows past one with n,
    gradients vanish or explode (Pascanu 2013).
    """
    shapes = [leaf.shape for leaf in state]
    sizes = [leaf.numel() for leaf in state]

    def stepped(flat: Tensor, block: Tensor) -> Tensor:
        leaves = (part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes))
        _, after = stage.step(block, tuple(leaves))
        return torch.cat([leaf.flatten() for leaf in after])

    flat, matrices = torch.cat([leaf.flatten() for leaf in state]), []
    for block in x.split(stage.block, dim=1):
        matrices.append(jacrev(stepped)(flat, block))
        flat = stepped(flat, block).detach()
    return torch.stack(matrices)
