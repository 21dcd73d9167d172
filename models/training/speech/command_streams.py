"""Training streams of the spotter: clips, sentences and noise spliced as a running stream brings them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from streamer.models.audio.features import LOG_FLOOR
from streamer.models.datasets.command_shards import N_MELS, UNKNOWN, UNLABELLED, ShardRecording
from streamer.models.training.speech.augment import background, channel, warp

STACK = 3  # frames of 10 ms to an output row
# What the rows outside the windows of the vocabulary's words are to say.
SILENT, SPEAKING, OTHER_WORD, UNKNOWN_TEXT, FREE = range(5)
EARLY_ROWS, LATE_ROWS = 4, 1  # where a word may be marked, from the row in which it ends
QUIETEST, LOUDEST = np.log(3e-5), np.log(3.0)  # mean mel power of speech at about -45 and 0 dBFS
PROSE = ("librispeech_8spk", "librispeech_testother_10spk", "arctic_kathleen", "vctk_p239")
PROSE_WEIGHT = 0.3  # nobody gives commands in a novel: its "on" is a wish, not a duty


@dataclass(frozen=True)
class CommandBatch:
    """frames [B, T, n_mels]; duties and phones [B, T/STACK]; windows [W, 4] and their weights [W].

    A window is (row of the batch, first output row, last output row, label).
    """

    frames: Tensor
    duties: Tensor
    phones: Tensor
    windows: Tensor
    weights: Tensor


@dataclass(frozen=True)
class RecordingSource:
    """Recordings that are drawn with a probability, each with its own weight, cut in a manner.

    `versions` has the same recordings at every speed. `cut` is "clip" (the pauses round the words
    may go), "words" (a few neighbouring words) or "stretch" (up to `longest` frames).
    """

    share: float
    versions: Sequence[Sequence[ShardRecording]]
    weights: np.ndarray
    cut: str
    longest: int = 600


class CommandStreams:
    """An endless, seeded supply of batches; update n depends on the seed and n alone."""

    def __init__(
        self, sources: Sequence[RecordingSource], noises: list[np.ndarray], rows: int, steps: int, seed: int
    ):
        self.sources, self.noises, self.rows, self.steps, self.seed = sources, noises, rows, steps, seed
        self.shares = np.array([s.share for s in sources]) / sum(s.share for s in sources)
        self.limits = [np.cumsum(s.weights / s.weights.sum()) for s in sources]

    def batches(self, first: int) -> Iterator[CommandBatch]:
        """The batches of updates `first`, `first` + 1, ..."""
        while True:
            yield self.batch(first)
            first += 1

    def batch(self, update: int) -> CommandBatch:
        """The batch of one update."""
        random = np.random.default_rng([self.seed, update])
        frames = np.empty((self.rows, self.steps, N_MELS), np.float32)
        duties = np.zeros((self.rows, self.steps), np.uint8)
        phones = np.zeros((self.rows, self.steps), np.uint8)
        windows: list[tuple] = []
        for b in range(self.rows):
            frames[b] = self._row(b, duties[b], phones[b], windows, random)
        duties = duties[:, STACK // 2 :: STACK].astype(np.int64)
        table = np.array([w[:4] for w in windows], np.int64).reshape(-1, 4)
        for b, first, last, _ in table:
            duties[b, first : last + 1] = FREE
        return CommandBatch(
            torch.from_numpy(frames),
            torch.from_numpy(duties),
            torch.from_numpy(phones[:, STACK // 2 :: STACK].astype(np.int64)),
            torch.from_numpy(table),
            torch.tensor([w[4] for w in windows]),
        )

    def _row(self, b, duties, phones, windows, random) -> np.ndarray:
        """One stream: fills its labels and returns its log-mel frames."""
        power = np.zeros((self.steps, N_MELS), np.float32)
        level = random.uniform(QUIETEST, LOUDEST)
        at = int(random.integers(0, 30)) if random.random() < 0.7 else 0
        taken = -1  # the last output row of the last window
        while at < self.steps - 20:
            source = random.choice(len(self.sources), p=self.shares)
            recording, start, end = self._drawn(source, random)
            end = min(end, start + self.steps - at)
            sound = np.exp(warp(recording.frames[start:end], random)) - LOG_FLOOR
            np.maximum(sound, 0.0, out=sound)
            sound *= np.exp(_gain(sound, level, random) + 0.3 * channel(N_MELS, random))
            power[at : at + len(sound)] += sound
            taken = _label(recording, start, end, at, b, duties, phones, windows, taken)
            at += len(sound) + _gap(random)
        return self._heard(power, random)

    def _drawn(self, number: int, random) -> tuple[ShardRecording, int, int]:
        """A recording of source `number` and the frames of it that are taken."""
        source = self.sources[number]
        versions = source.versions[random.integers(len(source.versions))]
        recording = versions[int(np.searchsorted(self.limits[number], random.random()))]
        length = len(recording.frames)
        if source.cut == "clip":
            if random.random() < 0.65 and len(recording.words):
                start = max(0, recording.words[0, 1] - random.integers(0, 15))
                return recording, start, min(length, recording.words[-1, 2] + random.integers(1, 20))
            return recording, 0, length
        if source.cut == "words" and len(recording.words):
            first = random.integers(len(recording.words))
            last = min(len(recording.words) - 1, first + random.integers(0, 4))
            start, end = recording.words[first, 1], recording.words[last, 2]
            return recording, max(0, start - random.integers(0, 6)), min(length, end + random.integers(1, 6))
        taken = min(length, int(random.integers(source.longest // 4, source.longest)))
        start = int(random.integers(0, length - taken + 1))
        return recording, start, start + taken

    def _heard(self, power: np.ndarray, random) -> np.ndarray:
        """The stream as another room and another microphone would have brought it."""
        speech = power.mean() + 1e-9
        if random.random() < 0.3:
            noise = background(len(power), N_MELS, self.noises, random)
            power += noise * (speech / (noise.mean() + 1e-12) * 10 ** (-random.uniform(0.8, 3.5)))
        if random.random() < 0.08:
            power[:, int(N_MELS * random.uniform(0.72, 0.85)) :] = 0.0  # a telephone's band
        power *= np.exp(0.7 * channel(N_MELS, random))
        frames = np.log(power + LOG_FLOOR)
        width = random.integers(0, 6)
        first = random.integers(0, N_MELS - width)
        frames[:, first : first + width] = frames.mean()
        for _ in range(3):
            first, width = random.integers(0, len(frames)), random.integers(0, 9)
            frames[first : first + width] = frames.mean()
        return frames


def _gain(sound: np.ndarray, level: float, random) -> float:
    """Nepers of power: most recordings keep their level, about; the others take the stream's."""
    own = np.log(sound.mean() + 1e-9)
    wanted = level + random.normal(0, 1.0) if random.random() < 0.25 else own + random.uniform(-2.5, 1.5)
    return float(np.clip(wanted, min(own, QUIETEST), LOUDEST) - own)


def _gap(random) -> int:
    kind = random.random()
    if kind < 0.5:
        return 0
    if kind < 0.6:
        return -int(random.integers(1, 6))  # one fades into the other
    return int(random.integers(0, 40 if kind < 0.95 else 150))


def _label(recording, start, end, at, b, duties, phones, windows, taken) -> int:
    """Write what the frames `start`..`end` of a recording, heard from frame `at` on, are to say."""
    stop = at + end - start
    marks = recording.phones[start:end]
    known = recording.aligned
    if not known:
        duties[at:stop] = UNKNOWN_TEXT
        phones[at:stop] = UNLABELLED
        return taken
    phones[at:stop] = marks
    duties[at:stop] = np.where(marks > 0, SPEAKING, SILENT)
    weight = PROSE_WEIGHT if recording.set in PROSE else 1.0
    for label, word_start, word_end in recording.words:
        first, last = at + word_start - start, at + word_end - start
        duties[max(at, first) : min(max(last, at), stop)] = SPEAKING
        if word_start < start - 3 or word_end > end + 3:
            continue
        if label == UNKNOWN:
            duties[max(at, last - 5) : min(stop, last + 4)] = OTHER_WORD
            continue
        row = (last - 1) // STACK
        top = min(row + LATE_ROWS, stop // STACK - 1)
        bottom = max(top - LATE_ROWS - EARLY_ROWS, taken + 1, 0)
        if top - bottom >= 2:
            windows.append((b, bottom, top, label, weight))
            taken = top
        else:  # no room for a mark
            duties[max(at, first) : stop] = FREE
    return taken
