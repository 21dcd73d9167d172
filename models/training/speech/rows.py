"""Rows of equal length for training: utterances joined with silence, as a stream would bring them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from streamer.models.audio.features import LOG_FLOOR
from streamer.models.datasets.shards import CHARACTERS, Example
from streamer.models.training.speech.augment import Augment

SPACE = CHARACTERS.index(" ")
SPEECH_LEVEL = -3.0  # ln of the mean mel power of the loud frames of an utterance in a row
SPREAD = 0.7  # standard deviation of it between the utterances of a row, in nepers of power
TAIL_FRAMES = 40  # silence that ends every row, so that late outputs still belong to it


@dataclass(frozen=True)
class UtteranceBatch:
    """frames [B, T, n_mels]; frame_phones [B, T]; the labels of each row and their counts."""

    frames: Tensor
    frame_phones: Tensor
    phones: Tensor
    phone_counts: Tensor
    characters: Tensor
    character_counts: Tensor


class UtteranceRows:
    """An endless shuffle of utterances packed into rows of `steps` frames.

    `share` names how often a pass takes each utterance of a set: 0.35 about every third, 2 each twice.
    """

    def __init__(
        self,
        groups: list[list[Example]],
        noises: list[np.ndarray],
        steps: int,
        batch: int,
        seed: int,
        share: dict[str, float],
    ):
        self.groups, self.noises, self.steps, self.batch = groups, noises, steps, batch
        self.seed, self.share = seed, share

    def batches(self, augment: Augment, first_pass: int = 0) -> Iterator[tuple[int, UtteranceBatch]]:
        """Batches without end, each with the number of its pass; a pass depends on its number alone."""
        number = first_pass
        while True:
            random = np.random.default_rng([self.seed, number])
            rows = self._packed(random)
            for at in range(0, len(rows) - self.batch + 1, self.batch):
                yield number, self._collate(rows[at : at + self.batch], augment, random)
            number += 1

    def _packed(self, random: np.random.Generator) -> list[list[Example]]:
        """First fit into a few open rows: dense, and still a shuffle."""
        usable_steps = self.steps - TAIL_FRAMES
        done: list[list[Example]] = []
        opened: list[tuple[int, list[Example]]] = []
        times = [int(self.share.get(group[0].set, 1.0) + random.random()) for group in self.groups]
        for at in random.permutation(np.repeat(np.arange(len(self.groups)), times)):
            group = self.groups[at]
            example = group[random.integers(len(group))]
            length = len(example.frames)
            if length > usable_steps:
                continue
            for slot, (used, row) in enumerate(opened):
                if used + length <= usable_steps:
                    row.append(example)
                    opened[slot] = (used + length, row)
                    break
            else:
                opened.append((length, [example]))
                if len(opened) > 12:
                    fullest = max(range(len(opened)), key=lambda i: opened[i][0])
                    done.append(opened.pop(fullest)[1])
        done.extend(row for _, row in opened)
        return [done[i] for i in random.permutation(len(done))]

    def _collate(
        self, rows: list[list[Example]], augment: Augment, random: np.random.Generator
    ) -> UtteranceBatch:
        bands = rows[0][0].frames.shape[1]
        frames = np.empty((len(rows), self.steps, bands), np.float32)
        marks = np.zeros((len(rows), self.steps), np.int64)
        phones, characters = [], []
        for b, row in enumerate(rows):
            frames[b] = np.log(LOG_FLOOR)
            slack = self.steps - TAIL_FRAMES - sum(len(e.frames) for e in row)
            gaps = np.sort(random.integers(0, slack + 1, len(row)))
            at, spent = 0, 0
            for example, gap in zip(row, gaps):
                at += gap - spent
                spent = gap
                length = len(example.frames)
                heard = as_loud(example.frames, random) if len(example.phones) else example.frames
                frames[b, at : at + length] = heard
                marks[b, at : at + length] = example.frame_phones
                at += length
            frames[b] = augment(frames[b], self.noises, random)
            phones.append(np.concatenate([e.phones for e in row]))
            texts = [np.append(e.characters, SPACE) for e in row if len(e.characters)]
            characters.append(np.concatenate(texts)[:-1] if texts else np.zeros(0, np.int64))
        return UtteranceBatch(
            torch.from_numpy(frames),
            torch.from_numpy(marks),
            torch.from_numpy(np.concatenate(phones)),
            torch.tensor([len(p) for p in phones]),
            torch.from_numpy(np.concatenate(characters)),
            torch.tensor([len(c) for c in characters]),
        )


def as_loud(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """frames [T, n_mels] about as loud as the others of a row: their sets differ by 20 dB and more.

    The speakers of one stream don't differ that much, and a level that follows the louder one takes
    ten seconds to reach the other.
    """
    frames = frames.astype(np.float32)
    own = np.log(np.quantile(np.exp(frames).mean(1), 0.8) + LOG_FLOOR)
    gain = np.clip(SPEECH_LEVEL + random.normal(0.0, SPREAD) - own, -6.0, 6.0)
    return np.maximum(frames + gain, np.log(LOG_FLOOR))
