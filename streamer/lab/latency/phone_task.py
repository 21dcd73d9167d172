"""The task over sound: which phone sounds, every 40 ms."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.lab.latency.task import Scored
from streamer.lab.latency.views import BOTH_WAYS, ONE_WAY, View, seer
from streamer.models.audio.features import LOG_FLOOR
from streamer.models.audio.level import Level
from streamer.models.datasets import shards
from streamer.models.datasets.word_channels import by_length
from streamer.models.layers.feedforward import Standardize
from streamer.models.training.fit import Pace, batches_of_steps

STACK = 4  # frames of 10 ms to a step
STEP_MS = 10 * STACK
WEIGHTS = 150_000
BATCH_STEPS = 2000
LONGEST = 400  # steps of an utterance that networks learn from
IGNORED = -100
TRAINED = (
    ("speechocean762", "train"),
    ("librispeech_8spk", "train"),
    ("librispeech_testother_10spk", "train"),
    ("arctic_kathleen", "train"),
    ("vctk_p239", "train"),
    ("an4", "train"),
)
CHECKED = (("an4", 60), ("librispeech_8spk", 100), ("speechocean762", 150))  # dev utterances of each
VIEWS = (
    ONE_WAY,
    View("40 ms ahead", ahead=1),
    View("80 ms", ahead=2),
    View("160 ms", ahead=4),
    View("320 ms", ahead=8),
    View("chunks of 320 ms", chunk=8),
    View("chunks of 640 ms", chunk=16),
    BOTH_WAYS,
)


class UtterancePhones(NamedTuple):
    """Steps [n, STACK * n_mels], and the phone of each [n]."""

    steps: np.ndarray
    phones: np.ndarray


class Hearer(nn.Module):
    """Frames side by side, a Seer, one linear map: x [B, T, STACK * n_mels] -> logits [B, T, phones]."""

    def __init__(self, view: View, depth: int):
        super().__init__()
        self.standard = Standardize(STACK * shards.N_MELS)
        self.seer = seer(view, STACK * shards.N_MELS, WEIGHTS, depth, 0.1)
        self.out = nn.Linear(self.seer.width, len(shards.PHONES))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.out(self.seer(self.standard.step(x, ())[0], lengths))


class PhoneTask:
    """The phone in the middle of each step; an error is the share of wrong ones where any phone sounds."""

    name, unit, measure = "captions", "ms", "wrong phones, share of speech"
    views: tuple[View, ...] = VIEWS
    pace = Pace(400, 4e-3, averaged=0.99)

    def __init__(self, data: Path, cache: Path, progress: Callable[[str], None]):
        sets = [*TRAINED, *((name, "dev") for name, _ in CHECKED)]
        shards.make(data / "speech", cache, sets, (1.0,), progress)
        dev = []
        for name, most in CHECKED:
            dev += _with_phones(cache, [(name, "dev")])[:most]
        train = _steps(_with_phones(cache, TRAINED))
        self.train = [utterance for utterance in train if len(utterance.phones) <= LONGEST]
        self.dev = _steps(dev)
        sample = np.concatenate([utterance.steps for utterance in self.train[::20]]).astype(np.float32)
        self.mean, self.deviation = sample.mean(0), sample.std(0)

    def network(self, view: View, depth: int) -> Hearer:
        torch.manual_seed(1)
        made = Hearer(view, depth)
        made.standard.mean.copy_(torch.from_numpy(self.mean))
        made.standard.deviation.copy_(torch.from_numpy(self.deviation))
        return made

    def batches(self) -> Iterator[np.ndarray]:
        return batches_of_steps([len(utterance.phones) for utterance in self.train], BATCH_STEPS, 1)

    def loss(self, network: Hearer, number: int, chosen: np.ndarray) -> Tensor:
        torch.manual_seed(number)
        x, lengths, phones = _batch([self.train[i] for i in chosen])
        return F.cross_entropy(network(x, lengths).flatten(0, 1), phones.flatten(), ignore_index=IGNORED)

    @torch.inference_mode()
    def scored(self, network: Hearer, view: View) -> Scored:
        network.eval()
        counts: list[tuple[int, int]] = []
        lengths = np.array([len(utterance.phones) for utterance in self.dev])
        for at in range(0, len(self.dev), 16):
            x, steps, phones = _batch(self.dev[at : at + 16])
            wrong, sounds = network(x, steps).argmax(-1) != phones, phones > 0
            counts += zip((wrong & sounds).sum(1).tolist(), sounds.sum(1).tolist())
        waited = np.array([view.waits(length).sum() * STEP_MS for length in lengths])
        return Scored(np.array(counts, float), waited, lengths, lengths * STEP_MS / 3.6e6)

    def error(self, counts: np.ndarray) -> float:
        return counts[0] / counts[1]


def _with_phones(cache: Path, sets: Sequence[tuple[str, str]]) -> list[shards.Example]:
    return [example for (example,) in shards.load(cache, sets, (1.0,)) if len(example.phones)]


def _steps(examples: Sequence[shards.Example]) -> list[UtterancePhones]:
    """The utterances of the examples, in their order, loudness taken out."""
    level = Level(shards.N_MELS, float(np.log(LOG_FLOOR)))
    utterances: dict[int, UtterancePhones] = {}
    for batch in by_length([example.frames for example in examples], 256):
        frames = [torch.from_numpy(examples[i].frames.astype(np.float32)) for i in batch]
        padded = nn.utils.rnn.pad_sequence(frames, batch_first=True)
        x, _ = level.step(padded, level.initial_state(len(batch)))
        for i, row in zip(batch, x.half().numpy()):
            n = len(examples[i].frames) // STACK
            phones = examples[i].frame_phones[STACK // 2 : n * STACK : STACK]
            utterances[i] = UtterancePhones(row[: n * STACK].reshape(n, -1).copy(), phones.astype(np.int64))
    return [utterances[i] for i in range(len(examples))]


def _batch(utterances: Sequence[UtterancePhones]) -> tuple[Tensor, Tensor, Tensor]:
    x = [torch.from_numpy(utterance.steps.astype(np.float32)) for utterance in utterances]
    phones = [torch.from_numpy(utterance.phones) for utterance in utterances]
    lengths = torch.tensor([len(marks) for marks in phones])
    pad = nn.utils.rnn.pad_sequence
    return pad(x, batch_first=True), lengths, pad(phones, batch_first=True, padding_value=IGNORED)
