"""Beam search over a network that tells the log-probabilities of the next unit."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from streamer.models.layers.stage import State

END = 0  # the unit that ends a text; what begins it, too
Advance = Callable[[Tensor, State], tuple[Tensor, State]]


class _Beam(NamedTuple):
    """What is still growing: units and their log-probabilities [B, K, n], their sum [B, K]."""

    units: Tensor
    parts: Tensor
    total: Tensor


def beam_search(advance: Advance, state: State, limits: Tensor, beam: int, length_power: float) -> Tensor:
    """The best text of each row [B, n, 2]: units and their log-probabilities, zero after its end.

    Row b's text has at most `limits[b]` [B] units; n is one more than the highest limit.

    `advance(units [B*K], state)` gives log-probabilities [B*K, V] and the state after them; row b's
    hypotheses are rows b*K to b*K+K-1 of every leaf of `state`. Texts are compared by their
    log-probability over (length + 1) ** `length_power` (after Wu 2016).
    """
    device, batch, longest = limits.device, len(limits), int(limits.max())
    rows = torch.arange(batch, device=device)[:, None]
    # All K hypotheses are the same at first: only one of them may be continued.
    total = torch.full((batch, beam), -torch.inf, device=device)
    total[:, 0] = 0
    empty = torch.zeros(batch, beam, 0, device=device)
    growing = _Beam(empty.long(), empty, total)
    best = torch.zeros(batch, longest + 1, 2, device=device)
    best_score = torch.full((batch,), -torch.inf, device=device)
    last = torch.full((batch * beam,), END, device=device)
    for step in range(longest + 1):
        log_probs, state = advance(last, state)
        table = log_probs.reshape(batch, beam, -1)
        ended = growing.total + table[:, :, END]
        score, which = (ended / (step + 1) ** length_power).max(1)
        better = score > best_score
        ends = table[rows[:, 0], which, END]
        best = torch.where(better[:, None, None], _filled(growing, which, ends, longest + 1), best)
        best_score = torch.where(better, score, best_score)

        table = table.masked_fill((step >= limits)[:, None, None], -torch.inf)
        table[:, :, END] = -torch.inf
        sums, places = (growing.total[:, :, None] + table).flatten(1).topk(beam)
        parents, units = places // table.shape[-1], places % table.shape[-1]
        growing = _Beam(
            torch.cat([growing.units[rows, parents], units[..., None]], -1),
            torch.cat([growing.parts[rows, parents], table[rows, parents, units][..., None]], -1),
            sums,
        )
        # A sum only falls: what cannot win even at full length need not grow.
        if bool((best_score >= sums[:, 0] / (longest + 1) ** length_power).all()):
            break
        order = (rows * beam + parents).flatten()
        state = tuple(leaf[order] for leaf in state)
        last = units.flatten()
    return best


def _filled(growing: _Beam, which: Tensor, ends: Tensor, steps: int) -> Tensor:
    """The hypothesis `which` [B] of each row, [B, steps, 2]; the end's log-probability stands at its end."""
    rows = torch.arange(len(which), device=which.device)
    length = growing.units.shape[-1]
    filled = growing.parts.new_zeros(len(which), steps, 2)
    filled[:, :length, 0] = growing.units[rows, which].to(filled.dtype)
    filled[:, :length, 1] = growing.parts[rows, which]
    filled[:, length, 1] = ends
    return filled
