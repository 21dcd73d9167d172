"""The training data of a roll network, and how well it predicts a piece."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from streamer.models.music.scores import Rolls
from streamer.models.networks.roll_density import KEYS, RollDensity

ROWS = 16  # pieces side by side in a check


class RollStudy:
    """Training pieces cut to `crop` steps, some moved to other keys, and the valid set's NLL."""

    def __init__(self, train: Rolls, valid: Rolls, rows: int, crop: int, moved: float):
        self.train, self.rows, self.crop, self.moved = train.pieces, rows, crop, moved
        self.valid = sorted(valid.pieces, key=len)

    def loss(self, network: RollDensity, random: np.random.Generator) -> Tensor:
        """Nats a step of pieces drawn by `random`; the first step of each does not count."""
        pieces = [self._drawn(random) for _ in range(self.rows)]
        keys, mask = padded(pieces)
        return -(network.log_probability(keys) * mask).sum() / mask.sum()

    def check(self, network: RollDensity) -> dict[str, float]:
        """`nll` of the valid set, in nats a step."""
        return {"nll": nll(network, self.valid)}

    def _drawn(self, random: np.random.Generator) -> np.ndarray:
        piece = self.train[random.integers(len(self.train))]
        if len(piece) > self.crop:
            # Whole beats are cut off, so that a place in the bar stays one.
            start = 4 * random.integers((len(piece) - self.crop) // 4 + 1)
            piece = piece[start : start + self.crop]
        if random.random() < self.moved:
            piece = _transposed(piece, int(random.integers(-5, 7)))
        return piece


@torch.inference_mode()
def nll(network: RollDensity, pieces: list[np.ndarray]) -> float:
    """Negative log-likelihood in nats: the sum over the keys, the mean over all steps but the first ones."""
    total, steps = 0.0, 0
    for start in range(0, len(pieces), ROWS):
        keys, mask = padded(pieces[start : start + ROWS])
        total -= float((network.log_probability(keys) * mask).double().sum())
        steps += int(mask.sum())
    return total / max(1, steps)


def padded(pieces: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Keys [B, T, 88], and 1 where a step has one before it [B, T]."""
    keys = pad_sequence([torch.from_numpy(piece).float() for piece in pieces], batch_first=True)
    mask = pad_sequence([torch.ones(len(piece)) for piece in pieces], batch_first=True)
    mask[:, 0] = 0
    return keys, mask


def _transposed(piece: np.ndarray, semitones: int) -> np.ndarray:
    sounding = np.nonzero(piece.any(0))[0]
    if not len(sounding):
        return piece
    semitones = max(-int(sounding[0]), min(KEYS - 1 - int(sounding[-1]), semitones))
    return np.roll(piece, semitones, axis=1)
