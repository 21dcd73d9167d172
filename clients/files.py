"""Recordings as a client sends them: mono blocks of 16-bit samples at a rate that the wire knows."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from streamer.sound.sound_file import SoundFile
from streamer.wire import RATES_HZ

BUNDLED = Path(__file__).with_name("recordings") / "speech.flac"
BUNDLED_TEXT = BUNDLED.with_name("story.txt")


class AudioFile:
    """An audio file of any rate and channel count, opened: `-` is standard input.

    `rate_hz` is the rate that `blocks` come at: the file's own where the wire takes it, else the
    nearest above it. It can be read once. ValueError, one line, for what is missing, empty or not audio.
    """

    def __init__(self, path: Path | str):
        self._file = SoundFile(path)
        self.name = self._file.name
        self.rate_hz = wire_rate(self._file.rate_hz)

    @property
    def seconds(self) -> float:
        """How much sound was read so far."""
        return self._file.seconds

    @property
    def warning(self) -> str:
        """At the end: a line where the file isn't what it says or its channels cancel, else empty."""
        return self._file.warning

    @property
    def broken(self) -> bool:
        """Whether a part of the file is missing."""
        return bool(self._file.fault)

    @property
    def format(self) -> dict[str, Any]:
        """The `format` option of a stream that takes `blocks`."""
        return {"encoding": "s16", "rate": self.rate_hz, "channels": 1}

    def blocks(self, block_ms: int) -> Iterator[bytes]:
        """The whole file as s16 blocks of about `block_ms`."""
        for samples in self.samples(block_ms):
            yield to_s16(samples)

    def samples(self, block_ms: int) -> Iterator[np.ndarray]:
        """The whole file as mono float32 blocks of about `block_ms`, at `rate_hz`; all within [-1, 1]."""
        own_hz = self._file.rate_hz
        resample = soxr.ResampleStream(own_hz, self.rate_hz, 1) if own_hz != self.rate_hz else None
        for block in self._file.blocks(max(1, own_hz * block_ms // 1000)):
            # A file of floats may hold what is no number (it sounds like nothing), or what is too loud.
            mono = self._file.mixer.mono(np.clip(np.nan_to_num(block, nan=0.0), -1.0, 1.0))
            yield np.clip(resample.resample_chunk(mono), -1.0, 1.0) if resample else mono
        if resample:
            yield np.clip(resample.resample_chunk(np.zeros(0, np.float32), last=True), -1.0, 1.0)


def paced(blocks: Iterable[bytes], rate_hz: int, look_s: float) -> Iterator[bytes]:
    """s16 mono `blocks` in real time: each when a microphone would have filled it.

    The schedule is absolute, so that delays don't add up. An empty block comes every `look_s` of waiting.
    """
    began, samples = time.monotonic(), 0
    for block in blocks:
        samples += len(block) // 2
        while (left := began + samples / rate_hz - time.monotonic()) > 0:
            time.sleep(min(left, look_s))
            yield b""
        yield block


def wire_rate(rate_hz: int) -> int:
    """The rate of the wire that carries sound of `rate_hz` best."""
    return min((r for r in RATES_HZ if r >= rate_hz), default=RATES_HZ[-1])


def to_s16(samples: np.ndarray) -> bytes:
    """float32 in [-1, 1] -> little-endian 16-bit samples, clipped."""
    scaled: np.ndarray = (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")
    return scaled.tobytes()
