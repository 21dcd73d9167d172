"""Beam search over a network that gives the log-probabilities of the next unit."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from streamer.models.layers.stage import State

END = 0  # the unit that ends a text, and the one that begins it
Advance = Callable[[Tensor, State], tuple[Tensor, State]]


class _Beam(NamedTuple):
    """Hypotheses that still grow: units and their log-probabilities [B, K, n], the sum of these [B, K]."""

    units: Tensor
    log_probs: Tensor
    total: Tensor


def beam_search(
    advance: Advance, state: State, limits: Tensor, beam_size: int, length_power: float
) -> Tensor:
    """The best text of each row [B, n, 2]: units and their log-probabilities, zero after its end.

    Row b's text has at most `limits[b]` [B] units; n is one more than the highest limit.

    `advance(units [B*K], state)` gives log-probabilities [B*K, V] and the state after them; row b's
    hypotheses are rows b*K to b*K+K-1 of every leaf of `state`. Texts are compared by their
    log-probability over (length + 1) ** `length_power` (after Wu 2016).
    """
    device, batch, longest = limits.device, len(limits), int(limits.max())
    rows = torch.arange(batch, device=device)[:, None]
    # All K hypotheses are the same at first: only one of them may be continued.
    total = torch.full((batch, beam_size), -torch.inf, device=device)
    total[:, 0] = 0
    empty = torch.zeros(batch, beam_size, 0, device=device)
    beam = _Beam(empty.long(), empty, total)
    best = torch.zeros(batch, longest + 1, 2, device=device)
    best_score = torch.full((batch,), -torch.inf, device=device)
    last = torch.full((batch * beam_size,), END, device=device)
    for step in range(longest + 1):
        log_probs, state = advance(last, state)
        table = log_probs.reshape(batch, beam_size, -1)
        ended = beam.total + table[:, :, END]
        score, which = (ended / (step + 1) ** length_power).max(1)
        better = score > best_score
        end_log_prob = table[rows[:, 0], which, END]
        text = _complete(beam, which, end_log_prob, longest + 1)
        best = torch.where(better[:, None, None], text, best)
        best_score = torch.where(better, score, best_score)

        table = table.masked_fill((step >= limits)[:, None, None], -torch.inf)
        table[:, :, END] = -torch.inf
        sums, places = (beam.total[:, :, None] + table).flatten(1).topk(beam_size)
        parents, units = places // table.shape[-1], places % table.shape[-1]
        beam = _Beam(
            torch.cat([beam.units[rows, parents], units[..., None]], -1),
            torch.cat([beam.log_probs[rows, parents], table[rows, parents, units][..., None]], -1),
            sums,
        )
        # A sum only falls: a hypothesis that cannot win even at full length need not grow.
        if bool((best_score >= sums[:, 0] / (longest + 1) ** length_power).all()):
            break
        order = (rows * beam_size + parents).flatten()
        state = tuple(leaf[order] for leaf in state)
        last = units.flatten()
    return best


def _complete(beam: _Beam, which: Tensor, end_log_prob: Tensor, steps: int) -> Tensor:
    """The hypothesis `which` [B] of each row with its end, [B, steps, 2]."""
    rows = torch.arange(len(which), device=which.device)
    length = beam.units.shape[-1]
    text = beam.log_probs.new_zeros(len(which), steps, 2)
    text[:, :length, 0] = beam.units[rows, which].to(text.dtype)
    text[:, :length, 1] = beam.log_probs[rows, which]
    text[:, length, 1] = end_log_prob
    return text
