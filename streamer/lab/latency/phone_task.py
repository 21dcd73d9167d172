"""The task over sound: which phone sounds, every 40 ms."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.lab.latency.task import Scored
from streamer.lab.latency.views import View, ahead, both_ways, chunks, one_way, seer
from streamer.models.audio.features import LOG_FLOOR
from streamer.models.audio.level import Level
from streamer.models.datasets import shards
from streamer.models.layers.feedforward import Standardize
from streamer.models.training.fit import Pace, batches_of_steps

STACK = 4  # frames of 10 ms to a step
STEP_MS = 10 * STACK
WEIGHTS = 150_000
BATCH_STEPS = 2000
LONGEST = 400  # steps of an utterance that is learnt from
UNTOLD = -100
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
    one_way(),
    ahead(1, "40 ms ahead"),
    ahead(2, "80 ms"),
    ahead(4, "160 ms"),
    ahead(8, "320 ms"),
    chunks(8, "chunks of 320 ms"),
    chunks(16, "chunks of 640 ms"),
    both_ways(),
)


class Hearer(nn.Module):
    """Frames side by side, a Seer, one linear map: x [B, T, STACK * n_mels] -> logits [B, T, phones]."""

    def __init__(self, view: View, depth: int):
        super().__init__()
        self.standard = Standardize(STACK * shards.N_MELS)
        self.seer = seer(view, STACK * shards.N_MELS, WEIGHTS, depth, 0.1)
        self.out = nn.Linear(self.seer.width, len(shards.PHONES))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.out(self.seer(self.standard.step(x, ())[0], lengths))


class Captions:
    """The phone in the middle of each step; an error is the share of wrong ones where any phone sounds."""

    name, unit, measure = "captions", "ms", "wrong phones, share of speech"
    views, pace = VIEWS, Pace(400, 4e-3, averaged=0.99)

    def __init__(self, data: Path, cache: Path, progress: Callable[[str], None]):
        sets = [*TRAINED, *((name, "dev") for name, _ in CHECKED)]
        shards.make(data / "speech", cache, sets, (1.0,), progress)
        train = [one for (one,) in shards.load(cache, TRAINED, (1.0,)) if len(one.phones)]
        dev = []
        for name, most in CHECKED:
            dev += [one for (one,) in shards.load(cache, [(name, "dev")], (1.0,)) if len(one.phones)][:most]
        self.train = [one for one in _steps(train) if len(one[1]) <= LONGEST]
        self.dev = _steps(dev)
        some = np.concatenate([x for x, _ in self.train[::20]]).astype(np.float32)
        self.mean, self.deviation = some.mean(0), some.std(0)

    def network(self, view: View, depth: int) -> nn.Module:
        torch.manual_seed(1)
        made = Hearer(view, depth)
        made.standard.mean.copy_(torch.from_numpy(self.mean))
        made.standard.deviation.copy_(torch.from_numpy(self.deviation))
        return made

    def batches(self) -> Iterator[np.ndarray]:
        return batches_of_steps([len(marks) for _, marks in self.train], BATCH_STEPS, 1)

    def loss(self, network: nn.Module, number: int, chosen: np.ndarray) -> Tensor:
        torch.manual_seed(number)
        x, lengths, marks = _batch([self.train[i] for i in chosen])
        return F.cross_entropy(network(x, lengths).flatten(0, 1), marks.flatten(), ignore_index=UNTOLD)

    @torch.inference_mode()
    def scored(self, network: nn.Module, view: View) -> Scored:
        network.eval()
        counts, lengths = [], np.array([len(marks) for _, marks in self.dev])
        for at in range(0, len(self.dev), 16):
            x, steps, marks = _batch(self.dev[at : at + 16])
            found = network(x, steps).argmax(-1)
            sounds = marks > 0
            counts += zip(((found != marks) & sounds).sum(1).tolist(), sounds.sum(1).tolist())
        waited = np.array([view.waits(length).sum() * STEP_MS for length in lengths])
        return Scored(np.array(counts, float), waited, lengths, lengths * STEP_MS / 3.6e6)

    def error(self, counts: np.ndarray) -> float:
        return counts[0] / counts[1]


def _steps(examples: list[shards.Example]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each utterance its steps [n, STACK * n_mels], loudness taken out, and their phones [n]."""
    level = Level(shards.N_MELS, float(np.log(LOG_FLOOR)))
    made: list[tuple[np.ndarray, np.ndarray]] = [None] * len(examples)
    by_length = sorted(range(len(examples)), key=lambda i: len(examples[i].frames))
    for at in range(0, len(by_length), 256):
        some = by_length[at : at + 256]
        frames = [torch.from_numpy(examples[i].frames.astype(np.float32)) for i in some]
        x, _ = level.step(nn.utils.rnn.pad_sequence(frames, batch_first=True), level.initial_state(len(some)))
        for i, row in zip(some, x.half().numpy()):
            n = len(examples[i].frames) // STACK
            marks = examples[i].frame_phones[STACK // 2 : n * STACK : STACK]
            made[i] = row[: n * STACK].reshape(n, -1).copy(), marks.astype(np.int64)
    return made


def _batch(some: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor, Tensor]:
    x = [torch.from_numpy(steps.astype(np.float32)) for steps, _ in some]
    marks = [torch.from_numpy(phones) for _, phones in some]
    lengths = torch.tensor([len(one) for one in marks])
    pad = nn.utils.rnn.pad_sequence
    return pad(x, batch_first=True), lengths, pad(marks, batch_first=True, padding_value=UNTOLD)
