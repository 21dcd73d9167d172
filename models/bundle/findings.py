"""What a law finds: how far two things are apart that it wants equal."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from torch import Tensor

from streamer.models.layers.stage import State


@dataclass(frozen=True)
class Finding:
    """How far apart two things were that the law wants equal, and how large they were."""

    claim: str  # what is wrong if they differ
    difference: float
    scale: float = 0.0


def same(claim: str, wanted: State, given: State) -> Iterator[Finding]:
    """How far the leaves of two states are apart; a different count of them is a finding too."""
    yield truth(claim, len(wanted) == len(given))
    for a, b in zip(wanted, given):
        yield compare(claim, a, b)


def compare(claim: str, wanted: Tensor, given: Tensor) -> Finding:
    """The largest difference of two tensors; inf for other shapes and for NaN."""
    if wanted.shape != given.shape:
        return Finding(f"{claim} (shape {tuple(given.shape)}, not {tuple(wanted.shape)})", inf)
    if not wanted.numel():
        return Finding(claim, 0.0)
    wanted, given = wanted.double(), given.double()
    difference = float((wanted - given).abs().max())
    if difference != difference:
        return Finding(claim, inf)
    return Finding(claim, difference, float(wanted.abs().max()))


def truth(claim: str, holds: bool) -> Finding:
    """A claim that holds or doesn't, without a measure."""
    return Finding(claim, 0.0 if holds else inf)
