"""The laws of a network, checked on any Stage or Whole with random inputs."""

from dataclasses import dataclass
from math import ceil

import torch

from streamer.models.bundle import laws
from streamer.models.layers.stage import Stage
from streamer.models.layers.whole import Whole

TOLERANCE = 1e-4  # largest difference allowed, relative to the largest output where that exceeds 1


@dataclass(frozen=True)
class LawResult:
    """What one law's check found. `difference` is the largest one seen, absolute.

    A law that cannot be asked of this kind of network has `applies` False, and counts as passed.
    """

    law: str
    passed: bool
    difference: float
    note: str = ""
    applies: bool = True


STAGE_LAWS = {
    "cuts": laws.cuts,
    "rows": laws.rows,
    "shape": laws.shape,
    "honesty": laws.honesty,
    "drain": laws.drain,
}
WHOLE_LAWS = {"rows": laws.whole_rows, "lengths": laws.whole_lengths}


@torch.inference_mode()
def verify(network: Stage | Whole, *, blocks: int = 6, seed: int = 0, steps: int = 0) -> list[LawResult]:
    """Check every law of `network` on sequences of about `blocks` blocks and its lookahead.

    With `steps`, a stream of so many input steps is checked as well, block by block (the law "endurance");
    of a Whole, recordings of that length.
    """
    if isinstance(network, Whole):
        blocks = max(blocks, steps // network.ratio.denominator)
        results = [_result(name, law, network, blocks, seed) for name, law in WHOLE_LAWS.items()]
        for name in STAGE_LAWS:
            if name not in WHOLE_LAWS:
                note = "does not apply: a Whole has no step and sees the future"
                results.append(LawResult(name, True, 0.0, note, applies=False))
        return results
    results = [_result(name, law, network, blocks, seed) for name, law in STAGE_LAWS.items()]
    if steps:
        results.append(_result("endurance", laws.endurance, network, ceil(steps / network.block), seed))
    return results


def _result(
    name: str, law: laws.Law[laws.Network], network: laws.Network, blocks: int, seed: int
) -> LawResult:
    random = torch.Generator().manual_seed(seed)
    worst = 0.0
    try:
        for finding in law(network, blocks, random):
            worst = max(worst, finding.difference)
            if finding.difference > TOLERANCE * max(1.0, finding.scale):
                return LawResult(name, False, worst, finding.claim)
    except Exception as error:
        # A user's network may raise anything; failing on a lawful input breaks the law being asked.
        note = " ".join(f"it raised {type(error).__name__}: {error}".split())
        return LawResult(name, False, float("inf"), note)
    return LawResult(name, True, worst)
