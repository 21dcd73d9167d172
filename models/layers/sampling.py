"""Drawing one symbol from logits by a number between 0 and 1."""

import torch
from torch import Tensor

TEMPERATURE_FLOOR = 1e-3  # at and below it the most probable symbol is taken


def draw(logits: Tensor, noise: Tensor, temperature: Tensor) -> Tensor:
    """Symbols [...] whose share of the cumulated probability holds `noise` [...]; logits [..., K]."""
    warm = torch.softmax(logits / temperature[..., None].clamp(min=TEMPERATURE_FLOOR), dim=-1)
    # Counting the sums at or below the noise; the last sum is left out, for it may round below 1.
    drawn = (warm.cumsum(-1)[..., :-1] <= noise[..., None]).sum(-1)
    return torch.where(temperature <= TEMPERATURE_FLOOR, logits.argmax(-1), drawn)


def draw_nucleus(logits: Tensor, noise: Tensor, temperature: Tensor, nucleus: Tensor) -> Tensor:
    """Symbols [B] as `draw` gives them, of the most probable ones alone; logits [B, K].

    These are the fewest that hold `nucleus` [B] of the probability (Holtzman 2020); outside (0, 1) they
    are all symbols.
    """
    warm = torch.softmax(logits / temperature[:, None].clamp(min=TEMPERATURE_FLOOR), dim=-1)
    ordered, places = warm.sort(dim=-1, descending=True, stable=True)
    # A symbol is left out when the more probable ones hold the nucleus already.
    beyond = (ordered.cumsum(-1) - ordered >= nucleus[:, None]) & ((nucleus > 0) & (nucleus < 1))[:, None]
    kept = torch.zeros_like(warm).scatter(-1, places, ordered.masked_fill(beyond, 0.0))
    shares = (kept / kept.sum(-1, keepdim=True)).cumsum(-1)
    # Counting the sums at or below the noise; a share of nothing is never the one that holds it.
    drawn = (shares <= noise[:, None]).sum(-1)
    last = kept.shape[-1] - 1 - (kept.flip(-1) > 0).to(torch.uint8).argmax(-1)
    drawn = torch.minimum(drawn, last)  # the last sum may round below 1
    return torch.where(temperature <= TEMPERATURE_FLOOR, logits.argmax(-1), drawn)
