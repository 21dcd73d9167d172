"""Drawing one symbol from logits by a number between 0 and 1."""

import torch
from torch import Tensor

from streamer.models.layers.generator import TEMPERATURE_FLOOR


def draw(logits: Tensor, noise: Tensor, temperature: Tensor, nucleus: Tensor) -> Tensor:
    """Symbols [B] whose share of the cumulated probability holds `noise` [B]; logits [B, K].

    Only the likeliest symbols that hold `nucleus` [B] of the probability are drawn from
    (Holtzman 2020); outside (0, 1) all are. Temperature [B] at the floor takes the likeliest.
    """
    warm = torch.softmax(logits / temperature[:, None].clamp(min=TEMPERATURE_FLOOR), dim=-1)
    ordered, places = warm.sort(dim=-1, descending=True, stable=True)
    # A symbol is left out when those likelier than it hold the nucleus already.
    beyond = (ordered.cumsum(-1) - ordered >= nucleus[:, None]) & ((nucleus > 0) & (nucleus < 1))[:, None]
    kept = torch.zeros_like(warm).scatter(-1, places, ordered.masked_fill(beyond, 0.0))
    shares = (kept / kept.sum(-1, keepdim=True)).cumsum(-1)
    # Counting the sums at or below the noise; a share of nothing is never the one that holds it.
    index = (shares <= noise[:, None]).sum(-1)
    last = kept.shape[-1] - 1 - (kept.flip(-1) > 0).to(torch.uint8).argmax(-1)
    index = torch.minimum(index, last)  # the last sum may round below 1
    return torch.where(temperature <= TEMPERATURE_FLOOR, logits.argmax(-1), index)
