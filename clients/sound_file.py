"""The samples that a sound file holds, whatever its header says."""

import io
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamer.clients.ffmpeg import FfmpegDecoder
from streamer.clients.libsndfile import LibsndfileDecoder
from streamer.clients.mixing import Mixer

TOLERANCE_S = 0.1  # between what a header says and what is there: codecs pad


class SoundFile:
    """A sound file, opened: `-` is standard input. It is read once, from its start to its real end.

    `rate_hz` and `channels` are the file's own. ValueError, one line, for what is missing, empty or no
    audio.
    """

    def __init__(self, path: Path | str):
        self.name = str(path)
        self.mixer = Mixer()  # for whoever hears one channel
        self.frames = 0  # that were read
        self._ended = False
        refuse_missing(path)
        try:
            self._decoder = _decoder(path)
        except OSError as error:
            raise ValueError(f"{path} can't be read: {error.strerror or error}") from None
        self.rate_hz, self.channels = self._decoder.rate_hz, self._decoder.channels
        self._first = self._decoder.read(1)
        if not len(self._first):
            raise ValueError(f"{path} holds no samples")

    @property
    def seconds(self) -> float:
        """How much sound was read so far."""
        return self.frames / self.rate_hz

    @property
    def fault(self) -> str:
        """At the end: a line where a part of the file is missing, else empty."""
        if not self._ended:
            return ""
        if self._decoder.fault:
            return f"{self.name} breaks off after {self.seconds:.1f} s: {self._decoder.fault}"
        if self._decoder.claimed_s > self.seconds + TOLERANCE_S:
            return self._claim()
        damaged = self._decoder.damaged
        return f"{self.name}: damaged packets left out: {damaged}" if damaged else ""

    @property
    def warning(self) -> str:
        """At the end: a line where the file isn't what it says or its channels cancel, else empty."""
        if not self._ended:
            return ""
        lines = [self.fault] if self.fault else []
        if 0 < self._decoder.claimed_s < self.seconds - TOLERANCE_S:
            lines.append(self._claim())
        if self.mixer.channel is not None:
            lines.append(
                f"{self.name}: where its channels cancel, channel {self.mixer.channel + 1} alone is heard"
            )
        return "; ".join(lines)

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """float32 blocks [frames, channels], the last one shorter. They end where the decoder fails."""
        first, self._first = self._first, self._first[:0]
        while True:
            block = np.concatenate([first, self._decoder.read(frames - len(first))])
            first = first[:0]
            if not len(block):
                break
            self.frames += len(block)
            yield block
        self._ended = True

    def _claim(self) -> str:
        return (
            f"{self.name} says that it lasts {self._decoder.claimed_s:.1f} s, but holds {self.seconds:.1f} s"
        )


def refuse_missing(path: Path | str) -> None:
    """ValueError, one line, where `path` is no file; standard input always is there."""
    if str(path) == "-":
        return
    if not Path(path).exists():
        raise ValueError(f"{path} is missing; give an audio file")
    if Path(path).is_dir():
        raise ValueError(f"{path} is a directory; give an audio file")


def _decoder(path: Path | str) -> LibsndfileDecoder | FfmpegDecoder:
    """Whatever reads the file: libsndfile, else FFmpeg."""
    content = _piped(path)
    try:
        return LibsndfileDecoder(path, content)
    except ValueError as error:
        reason = str(error)
    if content:
        content.seek(0)
    try:
        return FfmpegDecoder(path, content)
    except ModuleNotFoundError:
        wav = f"ffmpeg -i {shlex.quote(str(path))} out.wav"
        raise ValueError(
            f"{path} can't be read: {reason}; for m4a, mp4, webm and their like: "
            f"pip install 'streamer[media]', or {wav}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path} is no audio file that can be read: {error}") from None


def _piped(path: Path | str) -> BinaryIO | None:
    """All that a pipe brings: decoders seek. None of a regular file."""
    if str(path) == "-":
        return io.BytesIO(sys.stdin.buffer.read())
    return io.BytesIO(Path(path).read_bytes()) if Path(path).is_fifo() else None
