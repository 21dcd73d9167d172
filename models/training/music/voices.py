"""What a composer learns from, and how well it foretells."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from streamer.models.feeders.composing import BEATS, COUNTDOWN
from streamer.models.networks.composer_network import Composer

ROWS = 32  # pieces side by side in a check
LAST = 24  # steps before an end that count three times where endings are learnt
SHORTEST_END, LONGEST_END = 40, 112  # steps of an ending that is drawn


@dataclass(frozen=True)
class Batch:
    """symbols [B, T, V], beat and remaining [B, T] as a composer's channels, and 1 where a step counts."""

    symbols: Tensor
    beat: Tensor
    remaining: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Foretold:
    """Nats a step, summed over the voices; and the share of symbols that were the likeliest ones."""

    nll: float
    accuracy: float
    steps: int


class VoiceStudy:
    """Pieces of symbols [T, V], cut to `crop` steps and moved to any key in which all voices keep
    to the notes that they have in the training set.

    Half of the pieces tell how far their end is: so a composer that is told ends, and one that isn't
    doesn't need to know. `endings` more rows of a batch are the ends of pieces, all told: a last
    beat is one of a hundred and would be learnt too late.
    """

    endings = 0

    def __init__(
        self,
        train: list[np.ndarray],
        valid: list[np.ndarray],
        pitched: list[bool],
        rows: int,
        crop: int,
        moved: bool,
    ):
        self.train, self.valid = train, sorted(valid, key=len)
        self.pitched, self.rows, self.crop, self.moved = np.array(pitched), rows, crop, moved
        everything = np.concatenate(train)
        silent = np.where(everything > 0, everything, everything.max())
        self.low, self.high = silent.min(0), everything.max(0)

    def loss(self, network: Composer, random: np.random.Generator) -> Tensor:
        """Nats a step of pieces drawn by `random`."""
        drawn = [self._drawn(random) for _ in range(self.rows)] + [
            self._ending(random) for _ in range(self.endings)
        ]
        found = batch(
            [symbols for symbols, _, _ in drawn], [s for _, s, _ in drawn], [e for _, _, e in drawn]
        )
        told = network.log_probabilities(found.symbols, found.beat, found.remaining)
        own = sum(one.gather(-1, found.symbols[..., v : v + 1])[..., 0] for v, one in enumerate(told))
        counts = found.mask
        if self.endings:
            counts = counts * (1 + 2 * ((found.remaining >= 1) & (found.remaining <= LAST)))
        return -(own * counts).sum() / counts.sum()

    def check(self, network: Composer) -> dict[str, float]:
        """`nll` and `accuracy` of the valid set, the end unknown."""
        found = foretell(network, self.valid)
        return {"nll": found.nll, "accuracy": found.accuracy}

    def _drawn(self, random: np.random.Generator) -> tuple[np.ndarray, int, int]:
        """Symbols, the position of the first one, and the piece's end, 0 if it isn't told."""
        piece = self.train[random.integers(len(self.train))]
        start, length = 0, len(piece)
        if length > self.crop and (place := random.random()) < 0.8:
            # Whole bars of four beats are cut off; endings are rare, and so heard more often.
            last = -((self.crop - length) // 16)
            start = 16 * (last if place < 0.4 else random.integers(last + 1))
        cut = piece[start : start + self.crop]
        if self.moved:
            cut = self._moved(cut, random)
        return cut, start, length if random.random() < 0.5 else 0

    def _ending(self, random: np.random.Generator) -> tuple[np.ndarray, int, int]:
        piece = self.train[random.integers(len(self.train))]
        start = max(0, len(piece) - int(random.integers(SHORTEST_END, LONGEST_END + 1)))
        start -= start % 16 if random.random() < 0.5 else 0
        cut = piece[start:]
        return self._moved(cut, random) if self.moved else cut, start, len(piece)

    def _moved(self, piece: np.ndarray, random: np.random.Generator) -> np.ndarray:
        sounding = piece > 0
        least = (self.low - np.where(sounding, piece, 999).min(0))[self.pitched].max()
        most = (self.high - piece.max(0))[self.pitched].min()
        if least > most:
            return piece
        return piece + np.where(sounding & self.pitched, random.integers(max(-6, least), min(6, most) + 1), 0)


def batch(pieces: list[np.ndarray], starts: list[int], ends: list[int]) -> Batch:
    """Pieces side by side; `starts` are the positions of their first steps, an end of 0 is unknown."""
    longest, voices = max(map(len, pieces)), pieces[0].shape[1]
    symbols = torch.zeros(len(pieces), longest, voices, dtype=torch.long)
    mask = torch.zeros(len(pieces), longest)
    for row, piece in enumerate(pieces):
        symbols[row, : len(piece)] = torch.from_numpy(piece)
        mask[row, : len(piece)] = 1
    places = torch.tensor(starts)[:, None] + torch.arange(longest)
    remaining = torch.tensor(ends)[:, None] - places
    remaining = torch.where((remaining < 1) | (remaining > COUNTDOWN), 0, remaining)
    return Batch(symbols, places % BEATS, remaining, mask)


@torch.inference_mode()
def foretell(network: Composer, pieces: list[np.ndarray]) -> Foretold:
    """How well each step of `pieces` is foretold from those before, the first step of each left out."""
    nats = right = steps = 0.0
    for start in range(0, len(pieces), ROWS):
        rows = pieces[start : start + ROWS]
        found = batch(rows, [0] * len(rows), [0] * len(rows))
        found.mask[:, 0] = 0
        told = network.log_probabilities(found.symbols, found.beat, found.remaining)
        for voice, one in enumerate(told):
            own = found.symbols[..., voice]
            nats -= float((one.gather(-1, own[..., None])[..., 0] * found.mask).sum())
            right += float(((one.argmax(-1) == own) * found.mask).sum())
        steps += float(found.mask.sum())
    return Foretold(nats / max(1, steps), right / max(1, steps) / len(network.voices), int(steps))
