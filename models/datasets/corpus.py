"""Speech sets on disk: manifests, tars of Opus files, alignments; and their cached features."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from streamer.models.audio.features import LogMel

SAMPLE_RATE_HZ = 16000


@dataclass(frozen=True)
class Utterance:
    """One recording of a set. `phones` are [label, start, length] in frames of 10 ms, or empty."""

    key: str
    text: str
    audio: np.ndarray  # [samples] float32 at 16 kHz
    phones: tuple[tuple[str, int, int], ...] = ()
    words: tuple[tuple[str, int, int], ...] = ()


def read_split(folder: Path, split: str, limit: int | None = None) -> Iterator[Utterance]:
    """The utterances of `folder/SPLIT.manifest.jsonl`, with alignments where they are known."""
    manifest = folder / f"{split}.manifest.jsonl"
    if not manifest.is_file():
        raise FileNotFoundError(f"{manifest} is missing; give the folder that holds the speech sets")
    rows = [json.loads(line) for line in manifest.read_text().splitlines()][:limit]
    aligned = _alignments(folder.parent / "alignments" / f"{folder.name}.{split}.jsonl.gz")
    tars: dict[str, tarfile.TarFile] = {}
    with ExitStack() as opened:
        for row in rows:
            if row["tar"] not in tars:
                tars[row["tar"]] = opened.enter_context(tarfile.open(folder / row["tar"]))
            member = tars[row["tar"]].extractfile(row["key"] + ".opus")
            assert member is not None, "a recording is a file"
            audio, rate = soundfile.read(io.BytesIO(member.read()), dtype="float32")
            if rate != SAMPLE_RATE_HZ:
                audio = soxr.resample(audio, rate, SAMPLE_RATE_HZ)
            alignment = aligned.get(row["key"], {})
            yield Utterance(
                row["key"],
                row["text"],
                audio,
                tuple(map(tuple, alignment.get("phones", ()))),
                tuple(map(tuple, alignment.get("words", ()))),
            )


def _alignments(path: Path) -> dict[str, dict]:
    if not path.is_file():
        return {}
    with gzip.open(path, "rt") as lines:
        return {row["key"]: row for row in map(json.loads, lines)}


def log_mel(audio: np.ndarray, features: LogMel) -> np.ndarray:
    """[samples] -> [frames, n_mels] float16, ready for the cache."""
    with torch.inference_mode():
        frames = features(torch.from_numpy(audio)[None, :, None])
    return frames[0].numpy().astype(np.float16)


def at_speed(audio: np.ndarray, speed: float) -> np.ndarray:
    """The recording played `speed` times as fast, pitch and formants with it."""
    if speed == 1.0:
        return audio
    return soxr.resample(audio, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ).astype(np.float32)
