"""Training shards: every utterance's log-mel frames and labels at several speeds, memory-mapped."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamer.models.audio.features import LogMel
from streamer.models.datasets.corpus import at_speed, log_mel, read_split
from streamer.output_file import replacing, write_text

CHARACTERS = ("", *"abcdefghijklmnopqrstuvwxyz", "'", " ")  # index 0 is the blank of CTC
PHONES = (
    "",
    *"AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG".split(),
    *"OW OY P R S SH T TH UH UW V W Y Z ZH".split(),
)
SPEEDS = (0.9, 1.0, 1.1)
N_MELS = 80
UNLABELLED = 255  # a frame whose phone nobody knows

CAPTION_SETS = (
    ("speechocean762", "train"),
    ("speechocean762", "train_extra"),
    ("librispeech_8spk", "train"),
    ("librispeech_trainclean5_27spk", "train"),
    ("librispeech_clean100_239spk", "train"),
    ("arctic_kathleen", "train"),
    ("vctk_p239", "train"),
    ("an4", "train"),
    ("speech_commands", "train"),
    ("speech_commands_more", "train"),
)
NOISE_SETS = (("noise_esc10", "train"),)


@dataclass(frozen=True)
class Example:
    """One utterance at one speed. `frame_phones` [frames] uint8, 0 for silence, or UNLABELLED."""

    set: str
    key: str
    frames: np.ndarray  # [frames, n_mels] float16
    frame_phones: np.ndarray
    phones: np.ndarray
    characters: np.ndarray


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
            write(out / f"{name}.{split}.{speed}", utterances, speed, features)
        progress(f"shards of {name} {split}: {len(utterances)} utterances")


def write(stem: Path, utterances: list, speed: float, features: LogMel) -> None:
    """One shard, `stem`.*, of `utterances` at one speed."""
    blocks, labels, index, start = [], [], [], 0
    for u in utterances:
        frames = log_mel(at_speed(u.audio, speed), features)
        marks = np.zeros(len(frames), np.uint8)
        for phone, begin, length in u.phones:
            if phone in PHONES:
                marks[int(begin / speed) : int((begin + length) / speed)] = PHONES.index(phone)
        blocks.append(frames)
        labels.append(marks)
        phones = [p for p, _, _ in u.phones if p != "SIL"]
        index.append([u.key, start, len(frames), u.text, phones])
        start += len(frames)
    write_files(stem, {"frames": np.concatenate(blocks), "marks": np.concatenate(labels)}, index)


def write_files(stem: Path, arrays: Mapping[str, np.ndarray], index: list) -> None:
    """The files of a shard: `stem`.NAME.npy, and at last its index, which says that they are complete."""
    for name, array in arrays.items():
        with replacing(f"{stem}.{name}.npy") as partial:
            np.save(partial, array)
    write_text(f"{stem}.json", json.dumps(index))


def load(out: Path, sets: Sequence[tuple[str, str]], speeds: Sequence[float]) -> list[list[Example]]:
    """The examples of every set, grouped by utterance: one Example for each speed."""
    groups: list[list[Example]] = []
    for name, split in sets:
        versions = [list(_read(name, out / f"{name}.{split}.{speed}")) for speed in speeds]
        groups.extend([list(group) for group in zip(*versions)])
    return groups


def _read(name: str, stem: Path):
    frames = np.load(f"{stem}.frames.npy", mmap_mode="r")
    marks = np.load(f"{stem}.marks.npy", mmap_mode="r")
    for key, start, count, text, phones in json.loads(Path(f"{stem}.json").read_text()):
        yield Example(
            name,
            key,
            frames[start : start + count],
            marks[start : start + count],
            np.array([PHONES.index(p) for p in phones], np.int64),
            np.array([CHARACTERS.index(c) for c in text if c in CHARACTERS], np.int64),
        )
