"""Cached recordings of the spotter: log-mel frames, words and phones of every set at several speeds."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamer.models.audio.features import LogMel
from streamer.models.datasets.corpus import Utterance, at_speed, log_mel, read_split
from streamer.models.datasets.shards import PHONES, UNLABELLED, write_files

BLANK, UNKNOWN = 0, 1
WORDS = (
    "",
    "unknown",
    *"yes no up down left right on off stop go".split(),
    *"zero one two three four five six seven eight nine cat bed happy".split(),
    *"alexa computer jarvis smart mirror snowboy view glass".split(),
)
SPEEDS = (0.88, 1.0, 1.12)
N_MELS = 40


@dataclass(frozen=True)
class ShardRecording:
    """frames [T, n_mels] float16; phones [T] uint8, 0 for silence; words [label, start, end] in frames."""

    set: str
    key: str
    text: str
    frames: np.ndarray
    phones: np.ndarray
    words: np.ndarray  # [count, 3] int

    @property
    def aligned(self) -> bool:
        """Whether the times of its words are known; so they are where there are none."""
        return not len(self.phones) or self.phones[0] != UNLABELLED


def make(
    speech: Path,
    out: Path,
    sets: Sequence[tuple[str, str]],
    speeds: Sequence[float] = SPEEDS,
    progress: Callable[[str], None] = print,
) -> None:
    """Write one shard per set and speed under `out`; shards that exist are kept."""
    out.mkdir(parents=True, exist_ok=True)
    features = LogMel(n_mels=N_MELS)
    for name, split in sets:
        wanted = [s for s in speeds if not (out / f"{name}.{split}.{s}.json").exists()]
        if not wanted:
            continue
        utterances = list(read_split(speech / name, split))
        for speed in wanted:
            _write(out / f"{name}.{split}.{speed}", name, utterances, speed, features)
        progress(f"shards of {name} {split}: {len(utterances)} recordings")


def load(out: Path, name: str, split: str, speed: float) -> list[ShardRecording]:
    """The recordings of a set at one speed, in the manifest's order; their arrays stay on disk."""
    stem = out / f"{name}.{split}.{speed}"
    frames = np.load(f"{stem}.frames.npy", mmap_mode="r")
    phones = np.load(f"{stem}.phones.npy", mmap_mode="r")
    recordings = []
    for key, text, start, count, words in json.loads(Path(f"{stem}.json").read_text()):
        piece = slice(start, start + count)
        recordings.append(
            ShardRecording(
                name, key, text, frames[piece], phones[piece], np.array(words, np.int64).reshape(-1, 3)
            )
        )
    return recordings


def _write(stem: Path, name: str, utterances: list[Utterance], speed: float, features: LogMel) -> None:
    frames, phones, index, start = [], [], [], 0
    for u in utterances:
        made = log_mel(at_speed(u.audio, speed), features)
        marks = np.zeros(len(made), np.uint8)
        if not u.words and (u.text or name == "librispeech_untranscribed"):
            marks[:] = UNLABELLED
        for phone, begin, length in u.phones:
            if phone in PHONES:
                marks[int(begin / speed) : int((begin + length) / speed)] = PHONES.index(phone)
        words = [
            [_label(word), int(begin / speed), min(len(made), round((begin + length) / speed))]
            for word, begin, length in u.words
        ]
        frames.append(made)
        phones.append(marks)
        index.append([u.key, u.text, start, len(made), words])
        start += len(made)
    write_files(stem, {"frames": np.concatenate(frames), "phones": np.concatenate(phones)}, index)


def _label(word: str) -> int:
    return WORDS.index(word) if word in WORDS else UNKNOWN
