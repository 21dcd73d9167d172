"""Exploding gradients: an untrained RNN whose recurrent matrix is made stronger, and what clipping leaves."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.lab.unrolled import Reach, reach
from streamer.models.networks.agreement_network import AgreementLive

RADII = (0.5, 1.0, 1.5, 2.0)  # the largest |eigenvalue| of the recurrent matrix
CLIP = 2.0  # the norm that the trainings clip to
INPUTS = 0.1  # what the words' share is scaled to: a tanh that its input fills lets no gradient through


class Explosion(NamedTuple):
    """What one radius does: the gradient by distance, and the norm of the whole gradient, clipped or not."""

    radius: float
    reach: Reach
    norm: float
    clipped: float


def explosions(words: int, texts: Sequence[tuple[Tensor, int]], most: int) -> list[Explosion]:
    """One fresh RNN at each of `RADII`, over the same sentences, all longer than `most`."""
    results = []
    for radius in RADII:
        torch.manual_seed(1)
        network = AgreementLive(words, 2, "rnn").eval()
        cell = network.recurrent.cell
        with torch.no_grad():
            cell.hidden_weight.mul_(radius / torch.linalg.eigvals(cell.hidden_weight).abs().max())
            cell.input_weight.mul_(INPUTS)
        norm = _gradient(network, texts)
        gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
        clipped = float(nn.utils.get_total_norm(gradients))
        results.append(Explosion(radius, reach(network, texts, most), norm, clipped))
    return results


def _gradient(network: AgreementLive, texts: Sequence[tuple[Tensor, int]]) -> float:
    """The norm of the recurrent parameters' gradient before it is clipped to `CLIP`, as left in them."""
    loss = torch.zeros(())
    for x, number in texts:
        logits = network(x)[:, -1]
        loss = loss + F.cross_entropy(logits, torch.tensor([number])) / len(texts)
    loss.backward()
    return float(nn.utils.clip_grad_norm_(network.parameters(), CLIP))
