"""Scores of the spotter while it is trained: dev clips, and dev clips spliced into a running stream."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from streamer.models.datasets.command_shards import N_MELS, UNKNOWN, WORDS, ShardRecording
from streamer.models.layers.stage import Stage
from streamer.models.networks.acoustic import SILENCE
from streamer.models.readers.commands.commands_reader import CommandsReader

SECONDS_PER_FRAME = 0.01
EARLY_FRAMES, LATE_FRAMES = 25, 50  # how far from its clip a word's mark may lie


@torch.inference_mode()
def outputs_of(network: Stage, recordings: Sequence[ShardRecording], at_once: int = 64) -> list[np.ndarray]:
    """The network's outputs over each recording, closed: [rows, D] each."""
    outputs_by_recording: list[np.ndarray] = [np.empty(0)] * len(recordings)
    order = sorted(range(len(recordings)), key=lambda i: len(recordings[i].frames))
    tail = network.closing_steps(0)
    for first in range(0, len(order), at_once):
        batch = order[first : first + at_once]
        longest = max(len(recordings[i].frames) for i in batch)
        frames = torch.full((len(batch), longest + tail, N_MELS), SILENCE)
        for row, i in zip(frames, batch):
            row[: len(recordings[i].frames)] = torch.from_numpy(recordings[i].frames.astype(np.float32))
        outputs = network(frames).numpy()
        for row, i in zip(outputs, batch):
            outputs_by_recording[i] = row[: network.kept(len(recordings[i].frames))]
    return outputs_by_recording


def spoken(reader: CommandsReader, outputs: np.ndarray) -> list[tuple[str, float]]:
    """The words of a recording and the rows of their ends."""
    reader.open(1, reader.parse({}))
    events = reader.read([1], outputs[None])[0] + reader.finish(1)
    words = [e.alternatives[0].words[0] for e in events if e.kind == "final"]
    return [(word.text, word.end) for word in words]


def accuracy(recordings: Sequence[ShardRecording], heard: Sequence[list]) -> float:
    """The share of recordings whose words of the vocabulary are right, in order."""
    return float(np.mean([expected(r) == [w for w, _ in s] for r, s in zip(recordings, heard)]))


def expected(recording: ShardRecording) -> list[str]:
    """The words of the vocabulary in its text."""
    return [word for word in recording.text.split() if word in WORDS[UNKNOWN + 1 :]]


def spliced(
    clips: Sequence[ShardRecording], others: Sequence[ShardRecording], seed: int = 1
) -> tuple[list[ShardRecording], list[list[tuple[ShardRecording, int, int]]]]:
    """Clips and others in random order with short gaps, in streams of about ten minutes; their places."""
    random = np.random.default_rng(seed)
    kept = [c for c in clips if expected(c)] + list(others)
    streams, places, parts, place, at = [], [], [], [], 0
    for number, i in enumerate(random.permutation(len(kept)), 1):
        gap = int(random.integers(0, 50))
        length = len(kept[i].frames)
        place.append((kept[i], at, at + length))
        parts += [kept[i].frames, np.full((gap, N_MELS), SILENCE, np.float16)]
        at += length + gap
        if at > 60_000 or number == len(kept):
            frames = np.concatenate(parts)
            streams.append(ShardRecording("spliced", str(number), "", frames, frames[:0], frames[:0]))
            places.append(place)
            parts, place, at = [], [], 0
    return streams, places


def recall(
    places: Sequence[Sequence[tuple[ShardRecording, int, int]]],
    heard: Sequence[list[tuple[str, float]]],
    clips: set[str],
    frames_per_row: int,
) -> tuple[float, float, Counter]:
    """(recall of the clips' words, false words an hour of the other recordings, the false words)."""
    wanted = hit = 0
    false: Counter = Counter()
    frames = 0
    for place, words in zip(places, heard):
        left = [(w, end * frames_per_row - 20) for w, end in words]
        for recording, start, end in place:
            for word in expected(recording) if recording.set in clips else ():
                wanted += 1
                near = [x for x in left if x[0] == word and start - EARLY_FRAMES <= x[1] <= end + LATE_FRAMES]
                if near:
                    hit += 1
                    left.remove(near[0])
        for recording, start, end in place:
            if recording.set not in clips:
                frames += end - start
                false += Counter(w for w, t in left if start <= t < end) - Counter(expected(recording))
    hours = frames * SECONDS_PER_FRAME / 3600
    return hit / max(1, wanted), false.total() / hours, false
