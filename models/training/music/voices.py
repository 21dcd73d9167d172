"""The training data of a composer, and how well it predicts a piece."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from streamer.models.music.composer_channels import BEATS, COUNTDOWN
from streamer.models.music.metre import Metre, changes_of
from streamer.models.networks.composer_network import Composer

ROWS = 32  # pieces side by side in a check
LAST = 24  # steps before an end that count three times where endings are learnt
SHORTEST_END, LONGEST_END = 40, 112  # steps of an ending that is drawn
JOINED = 0.35  # the share of rows in which a piece is followed by another one
OCTAVE = 12
LONGEST_PERCENTILE, LAST_PERCENTILE = 99.9, 90


@dataclass(frozen=True)
class ExcerptBatch:
    """symbols [B, T, V], beat and remaining [B, T] as a composer's channels, and 1 where a step counts."""

    symbols: Tensor
    beat: Tensor
    remaining: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Prediction:
    """Nats a step, summed over the voices; and the share of symbols that were the most probable ones."""

    nll: float
    accuracy: float
    steps: int


@dataclass(frozen=True)
class Drawing:
    """How a batch is drawn: `rows` pieces of at most `crop` steps, `moved` to other keys or not.

    `pitched` says of each voice whether its symbols are notes, `metres` how the bars of each piece lie.
    """

    pitched: list[bool]
    metres: list[Metre]
    rows: int
    crop: int
    moved: bool


class Excerpt(NamedTuple):
    """Symbols [T, V] of a piece, the position of the first, and the position of the end, 0 if unknown."""

    symbols: np.ndarray
    start: int
    end: int


class VoiceStudy:
    """Pieces of symbols [T, V], cut and moved to any key in which all voices keep to the notes that they
    have in the training set.

    Some are followed by another piece in the same key and metre. A composer without an end has to go on
    after a last chord, and no single piece tells it how: it would hold the chord for ever.

    The end is known in half of the pieces: a composer that knows it ends there, and one that doesn't can
    do without. `endings` more rows of a batch are the ends of pieces, all known: a last beat is one of a
    hundred and would be learned too late.
    """

    endings = 0

    def __init__(self, train: list[np.ndarray], valid: list[np.ndarray], drawing: Drawing):
        self.train, self.valid = train, sorted(valid, key=len)
        self.drawing, self.pitched = drawing, np.array(drawing.pitched)
        everything = np.concatenate(train)
        silent = np.where(everything > 0, everything, everything.max())
        self.low, self.high = silent.min(0), everything.max(0)

    def loss(self, network: Composer, random: np.random.Generator) -> Tensor:
        """Nats a step of pieces drawn by `random`."""
        excerpts = [self._drawn(random) for _ in range(self.drawing.rows)]
        excerpts += [self._ending(random) for _ in range(self.endings)]
        drawn = batch(excerpts)
        log_probs = network.log_probabilities(drawn.symbols, drawn.beat, drawn.remaining)
        own = torch.zeros(())
        for voice, of_voice in enumerate(log_probs):
            own = own + of_voice.gather(-1, drawn.symbols[..., voice : voice + 1])[..., 0]
        counts = drawn.mask
        if self.endings:
            counts = counts * (1 + 2 * ((drawn.remaining >= 1) & (drawn.remaining <= LAST)))
        return -(own * counts).sum() / counts.sum()

    def check(self, network: Composer) -> dict[str, float]:
        """`nll` and `accuracy` of the valid set, the end unknown."""
        prediction = predict(network, self.valid)
        return {"nll": prediction.nll, "accuracy": prediction.accuracy}

    def _drawn(self, random: np.random.Generator) -> Excerpt:
        if random.random() < JOINED:
            return self._joined(random)
        piece, crop = self.train[random.integers(len(self.train))], self.drawing.crop
        start, length = 0, len(piece)
        if length > crop and (place := random.random()) < 0.8:
            # Whole bars of four beats are cut off; endings are rare, and so drawn more often.
            last = -((crop - length) // 16)
            start = 16 * (last if place < 0.4 else int(random.integers(last + 1)))
        symbols = self._moved(piece[start : start + crop], random)
        return Excerpt(symbols, start, length if random.random() < 0.5 else 0)

    def _ending(self, random: np.random.Generator) -> Excerpt:
        piece = self.train[random.integers(len(self.train))]
        start = max(0, len(piece) - int(random.integers(SHORTEST_END, LONGEST_END + 1)))
        start -= start % 16 if random.random() < 0.5 else 0
        return Excerpt(self._moved(piece[start:], random), start, len(piece))

    def _joined(self, random: np.random.Generator) -> Excerpt:
        """The end of a piece and the beginning of another one, its bars and its key those of the first."""
        number, crop = int(random.integers(len(self.train))), self.drawing.crop
        piece, metre = self.train[number], self.drawing.metres[number]
        alike = [other for other, own in enumerate(self.drawing.metres) if own.bar == metre.bar]
        number = alike[random.integers(len(alike))]
        follower, upbeat = self.train[number], self.drawing.metres[number].upbeat
        follower = follower[(len(piece) - metre.upbeat + upbeat) % metre.bar :]
        if self.drawing.moved:
            follower = self._in_the_key_of(piece, follower)
        # A quarter of the row or more is of either piece.
        start = max(0, len(piece) - int(random.integers(crop // 4, crop - crop // 4)))
        start -= start % 16
        symbols = np.concatenate([piece[start:], follower])[:crop]
        return Excerpt(self._moved(symbols, random), start, 0)

    def _in_the_key_of(self, piece: np.ndarray, other: np.ndarray) -> np.ndarray:
        """`other` moved so that its last bass note is that of `piece`, where its voices reach so far."""
        apart = (int(piece[-1, -1]) - int(other[-1, -1])) % OCTAVE
        apart -= OCTAVE * (apart > OCTAVE // 2)
        moved = np.where(other > 0, other + apart, 0)
        within = (moved <= self.high) & ((other == 0) | (moved >= self.low))
        return moved if within.all() else other

    def _moved(self, piece: np.ndarray, random: np.random.Generator) -> np.ndarray:
        if not self.drawing.moved:
            return piece
        sounding = piece > 0
        least = (self.low - np.where(sounding, piece, 999).min(0))[self.pitched].max()
        most = (self.high - piece.max(0))[self.pitched].min()
        if least > most:
            return piece
        return piece + np.where(sounding & self.pitched, random.integers(max(-6, least), min(6, most) + 1), 0)


def batch(excerpts: list[Excerpt]) -> ExcerptBatch:
    """Excerpts side by side."""
    pieces = [torch.from_numpy(excerpt.symbols).long() for excerpt in excerpts]
    symbols = pad_sequence(pieces, batch_first=True)
    mask = pad_sequence([torch.ones(len(piece)) for piece in pieces], batch_first=True)
    places = torch.tensor([excerpt.start for excerpt in excerpts])[:, None] + torch.arange(mask.shape[1])
    remaining = torch.tensor([excerpt.end for excerpt in excerpts])[:, None] - places
    remaining = torch.where((remaining < 1) | (remaining > COUNTDOWN), 0, remaining)
    return ExcerptBatch(symbols, places % BEATS, remaining, mask)


def longest_runs(pieces: list[np.ndarray]) -> tuple[list[int], list[int]]:
    """The steps that notes, and rests between notes, last at most, for each voice of pieces [T, V].

    They are the 99.9th percentiles: what a card has as `longest_notes` and `longest_rests`.
    """
    notes, rests = [], []
    for voice in range(pieces[0].shape[1]):
        runs = [run for piece in pieces for run in _runs(piece[:, voice])]
        notes.append([length for symbol, length, _ in runs if symbol])
        rests.append([length for symbol, length, is_between in runs if not symbol and is_between])
    return _longest(notes), _longest(rests)


def last_chord(pieces: list[np.ndarray]) -> int:
    """The 90th percentile of the first voice's last notes, in steps: what a card has as `last_chord`."""
    last = [[length for symbol, length, _ in _runs(piece[:, 0]) if symbol][-1:] for piece in pieces]
    return int(np.percentile(np.concatenate(last), LAST_PERCENTILE))


def _runs(symbols: np.ndarray) -> list[tuple[int, int, bool]]:
    """Each symbol, for how long it stands, and whether it is neither the first nor the last one."""
    edges = np.concatenate([[0], changes_of(symbols), [len(symbols)]])
    last = len(edges) - 2
    return [
        (int(symbols[start]), int(end - start), 0 < number < last)
        for number, (start, end) in enumerate(pairwise(edges))
    ]


def _longest(lengths: list[list[int]]) -> list[int]:
    return [int(np.percentile(own, LONGEST_PERCENTILE)) if own else 0 for own in lengths]


@torch.inference_mode()
def predict(network: Composer, pieces: list[np.ndarray]) -> Prediction:
    """How well each step of `pieces` is predicted from those before it, their first steps left out."""
    nats = right = steps = 0.0
    for start in range(0, len(pieces), ROWS):
        rows = batch([Excerpt(piece, 0, 0) for piece in pieces[start : start + ROWS]])
        rows.mask[:, 0] = 0
        log_probs = network.log_probabilities(rows.symbols, rows.beat, rows.remaining)
        for voice, of_voice in enumerate(log_probs):
            own = rows.symbols[..., voice]
            nats -= float((of_voice.gather(-1, own[..., None])[..., 0] * rows.mask).sum())
            right += float(((of_voice.argmax(-1) == own) * rows.mask).sum())
        steps += float(rows.mask.sum())
    return Prediction(nats / max(1, steps), right / max(1, steps) / len(network.voices), int(steps))
