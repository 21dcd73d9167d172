"""Utterances to train on: recordings of a set at one rate with their alignments, and their features."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch

from streamer.models.audio.features import LogMel
from streamer.models.datasets.manifests import SUFFIX, Alignment, Span, read_alignments, read_rows, sounds

SAMPLE_RATE_HZ = 16000


@dataclass(frozen=True)
class Utterance:
    """One recording of a set, and its alignment, or empty."""

    key: str
    text: str
    audio: np.ndarray  # [samples] float32 at 16 kHz
    phones: tuple[Span, ...] = ()
    words: tuple[Span, ...] = ()


def read_split(folder: Path, split: str) -> Iterator[Utterance]:
    """The utterances of `folder/SPLIT.manifest.jsonl`, with alignments where they are known.

    Raises ValueError, one line that names the file, where anything is missing or malformed.
    """
    manifest = folder / f"{split}{SUFFIX}"
    aligned = read_alignments(manifest) or {}
    for row, audio, rate_hz in sounds(folder, read_rows(manifest)):
        if rate_hz != SAMPLE_RATE_HZ:
            audio = soxr.resample(audio, rate_hz, SAMPLE_RATE_HZ)
        alignment = aligned.get(row.key, Alignment(row.key))
        yield Utterance(row.key, row.text, audio, alignment.phones or (), alignment.words or ())


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
