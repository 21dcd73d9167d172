"""CTC with a language model of labels in its denominator (CTC-CRF, Xiang and Ou 2019).

CTC alone makes a network learn which phones follow which, from the few texts that it hears. Here a trigram
of phones, estimated beforehand, competes for every path: the network is left to learn the sounds.
"""

from collections.abc import Iterable

import numba
import numpy as np
import torch
from torch import Tensor

BLANK = 0  # also the history before the first label


class PhoneTrigram:
    """P(w | u, v) over `labels` labels, 0 the beginning, smoothed by bigram and unigram (Witten 1991)."""

    def __init__(self, sequences: Iterable[np.ndarray], labels: int):
        counts = np.zeros((labels, labels, labels))
        for sequence in sequences:
            padded = np.concatenate([[BLANK, BLANK], sequence])
            np.add.at(counts, (padded[:-2], padded[1:-1], padded[2:]), 1.0)
        one = counts.sum((0, 1)) + 1.0
        one[BLANK] = 0.0
        two = _interpolated(counts.sum(0), one / one.sum())
        self.probabilities = _interpolated(counts, two).astype(np.float32)  # [u, v, w]


def _interpolated(counts: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Witten-Bell: a history's own share grows with what it was seen with."""
    kinds = np.maximum((counts > 0).sum(-1, keepdims=True), 1)
    return (counts + kinds * lower) / (counts.sum(-1, keepdims=True) + kinds)


class _Denominator(torch.autograd.Function):
    """ln of the sum over all CTC paths of their probability times their labels' P; [B]."""

    @staticmethod
    def forward(context, rows: Tensor, probabilities: np.ndarray) -> Tensor:
        occupied, totals = _all_paths(rows.detach().exp().numpy(), probabilities)
        context.save_for_backward(torch.from_numpy(occupied))
        return torch.from_numpy(totals)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor, None]:
        (occupied,) = context.saved_tensors
        return occupied * gradient[:, None, None], None


def denominator(rows: Tensor, trigram: PhoneTrigram) -> Tensor:
    """rows [B, T, labels], ln of probabilities -> ln of the sum over all paths [B], differentiable."""
    return _Denominator.apply(rows, trigram.probabilities)


@numba.njit(cache=True, fastmath=True)
def _all_paths(heard: np.ndarray, follows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """heard [B, T, K] probabilities, follows [u, v, w] -> occupancy [B, T, K] and ln of the totals [B].

    A state is the last two labels (u, v) and whether v sounds on or a blank came after it.
    """
    batch, steps, labels = heard.shape
    occupied = np.zeros((batch, steps, labels), np.float32)
    totals = np.zeros(batch, np.float32)
    sounding = np.zeros((steps + 1, labels, labels), np.float32)
    blank = np.zeros((steps + 1, labels, labels), np.float32)
    entered = np.zeros((labels, labels), np.float32)
    scales = np.zeros(steps, np.float32)
    for b in range(batch):
        sounding[0] = 0.0
        blank[0] = 0.0
        blank[0, BLANK, BLANK] = 1.0
        total = 0.0
        for t in range(steps):
            y = heard[b, t]
            entered[:] = 0.0
            for u in range(labels):
                for v in range(labels):
                    on, off = sounding[t, u, v], blank[t, u, v]
                    both = on + off
                    if both > 0.0:
                        for w in range(labels):
                            entered[v, w] += both * follows[u, v, w]
                        entered[v, v] -= on * follows[u, v, v]
            scale = 0.0
            for u in range(labels):
                for v in range(labels):
                    on = y[v] * (sounding[t, u, v] + entered[u, v]) if v else np.float32(0.0)
                    off = y[BLANK] * (sounding[t, u, v] + blank[t, u, v])
                    sounding[t + 1, u, v], blank[t + 1, u, v] = on, off
                    scale += on + off
            sounding[t + 1] /= scale
            blank[t + 1] /= scale
            scales[t] = scale
            total += np.log(scale)
        totals[b] = total
        after_on = np.ones((labels, labels), np.float32)
        after_off = np.ones((labels, labels), np.float32)
        for t in range(steps - 1, -1, -1):
            y = heard[b, t]
            for u in range(labels):
                for v in range(labels):
                    occupied[b, t, v] += sounding[t + 1, u, v] * after_on[u, v]
                    occupied[b, t, BLANK] += blank[t + 1, u, v] * after_off[u, v]
            # What is worth entering (v, w) now, and being in (u, v) before this step.
            for v in range(labels):
                for w in range(labels):
                    entered[v, w] = y[w] * after_on[v, w] if w else np.float32(0.0)
            for u in range(labels):
                for v in range(labels):
                    to_new = np.float32(0.0)
                    for w in range(labels):
                        to_new += entered[v, w] * follows[u, v, w]
                    to_blank = y[BLANK] * after_off[u, v]
                    again = entered[v, v] * follows[u, v, v]
                    after_off[u, v] = (to_blank + to_new) / scales[t]
                    stays = y[v] * after_on[u, v] if v else np.float32(0.0)
                    after_on[u, v] = (stays + to_blank + to_new - again) / scales[t]
    return occupied, totals
