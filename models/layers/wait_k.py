"""The wait-k policy (Ma 2019): how many target units may be emitted when so much of the source was read."""

import torch
from torch import Tensor


def allowed_units(word_of: Tensor, read: Tensor, complete: Tensor, wait: Tensor) -> Tensor:
    """How many target units may be emitted [...]: one for each source piece of the words waited for.

    word_of [..., T] is the word that each source piece belongs to, counted from 1, of which `read`
    [..., T] were read; `complete` [...] words are complete. With `wait` [...] 1 a word's units may
    be emitted as soon as the word is complete.
    """
    settled = read & (word_of <= (complete - wait + 1)[..., None])
    return settled.sum(-1)


def prefixes(
    begins: Tensor, completes: Tensor, lengths: Tensor, wait: Tensor, slots: int, units: int
) -> Tensor:
    """How many source pieces were read when each unit of the target is emitted [B, units].

    begins, completes [B, T] mark the pieces where a word begins and where it is complete; a step
    emits at most `slots` units. The rest follows after the end of the source, where lengths + 1 pieces
    were read, the end itself counting as one.
    """
    steps = begins.shape[1]
    word_of = begins.cumsum(1)
    complete = word_of - 1 + completes
    time = torch.arange(steps, device=begins.device)
    read = time <= time[:, None]
    allowed = allowed_units(word_of[:, None].expand(-1, steps, -1), read, complete, wait[:, None])
    unit, emitted = torch.arange(units, device=begins.device), torch.zeros_like(lengths)
    prefix = torch.ones(len(lengths), units, dtype=torch.long, device=begins.device)
    for step in range(steps):
        emitted = torch.maximum(emitted, torch.minimum(allowed[:, step], emitted + slots))
        waits = (emitted[:, None] <= unit) & (step < lengths)[:, None]
        prefix += waits
    return prefix
