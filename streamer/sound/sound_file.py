"""The samples that a sound file holds, whatever its header says."""

import io
import shlex
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamer.sound.ffmpeg import FfmpegDecoder
from streamer.sound.libsndfile import LibsndfileDecoder
from streamer.sound.mixing import Mixer
from streamer.sound.sound_header import Promise, promise

BLOCK_S = 10  # that are read at once
MOST_SAMPLES = 1 << 22  # of all channels in a block
RATES_HZ = 1_000, 1_000_000  # from the lowest to the highest of sound
TOLERANCE_S = 0.1  # between what a header says and what is there: codecs pad


class SoundFile:
    """A sound file, opened: `-` is standard input. It is read once, from its start to its real end.

    `rate_hz` and `channels` are the file's own. ValueError, one line, for what is missing, empty or no
    audio.
    """

    def __init__(self, path: Path | str, content: BinaryIO | None = None):
        """With `content`, that is what the file holds, and `path` is its name."""
        self.name = str(path)
        self.mixer = Mixer()  # for whoever hears one channel
        self.frames = 0  # that were read
        self._ended = False
        if content is None:
            refuse_missing(path)
        try:
            content = content or _piped(path)
            self._promise = _promise(path, content)
            self._decoder = _decoder(path, content, self._promise.is_chain)
        except OSError as error:
            raise ValueError(f"{path} can't be read: {error.strerror or error}") from None
        self.rate_hz, self.channels = self._decoder.rate_hz, self._decoder.channels
        if not RATES_HZ[0] <= self.rate_hz <= RATES_HZ[-1]:
            raise ValueError(
                f"{path} says {self.rate_hz} Hz; sound has {RATES_HZ[0]} to {RATES_HZ[-1]}: a wrong header"
            )
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
        if reason := self._decoder.fault or self._loss():
            return f"{self.name} breaks off after {self.seconds:.1f} s: {reason}"
        if self._claimed_s > self.seconds + TOLERANCE_S:
            return self._claim()
        damaged = self._decoder.damaged
        return f"{self.name}: damaged packets left out: {damaged}" if damaged else ""

    @property
    def warning(self) -> str:
        """At the end: a line where the file isn't what it says or its channels cancel, else empty."""
        if not self._ended:
            return ""
        lines = [self.fault] if self.fault else []
        if 0 < self._claimed_s < self.seconds - TOLERANCE_S:
            lines.append(self._claim())
        if self.mixer.channel is not None:
            lines.append(
                f"{self.name}: where its channels cancel, channel {self.mixer.channel + 1} alone is heard"
            )
        return "; ".join(lines)

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """float32 blocks [frames, channels], the last one shorter; of many channels all are.

        They end where the decoder fails.
        """
        frames = min(frames, max(1, MOST_SAMPLES // self.channels))
        first, self._first = self._first, self._first[:0]
        while True:
            block = np.concatenate([first, self._decoder.read(frames - len(first))])
            first = first[:0]
            if not len(block):
                break
            self.frames += len(block)
            yield block
        self._ended = True

    @property
    def _claimed_s(self) -> float:
        """How long the file says that it is; 0 where it doesn't say."""
        if self._promise.is_chain:
            return 0.0  # a claim of its first stream
        return self.seconds / self._promise.share if 0 < self._promise.share < 1 else self._decoder.claimed_s

    def _loss(self) -> str:
        """What of an Ogg isn't heard although its decoder is content."""
        if self._promise.is_chain and isinstance(self._decoder, LibsndfileDecoder):
            return "another stream follows; pip install 'streamer[media]' to hear it"
        return "the end of its stream is missing" if self._promise.lacks_end else ""

    def _claim(self) -> str:
        return f"{self.name} says that it lasts {self._claimed_s:.1f} s, but holds {self.seconds:.1f} s"


def read_mono(path: Path | str, content: BinaryIO | None = None) -> tuple[np.ndarray, int]:
    """All samples [n] float32 of one channel, and their rate; a warning goes to standard error.

    ValueError, one line, as `SoundFile`, and for a file of which a part is missing.
    """
    file = SoundFile(path, content)
    blocks = [file.mixer.mono(block) for block in file.blocks(BLOCK_S * file.rate_hz)]
    if file.fault:
        raise ValueError(file.fault)
    if file.warning:
        print(f"streamer: {file.warning}", file=sys.stderr)
    return np.concatenate(blocks), file.rate_hz


def refuse_missing(path: Path | str) -> None:
    """ValueError, one line, where `path` is no file; standard input always is there."""
    if str(path) == "-":
        return
    if not Path(path).exists():
        raise ValueError(f"{path} is missing; give an audio file")
    if Path(path).is_dir():
        raise ValueError(f"{path} is a directory; give an audio file")


def _promise(path: Path | str, content: BinaryIO | None) -> Promise:
    with nullcontext(content) if content else open(path, "rb") as file:
        return promise(file)


def _decoder(path: Path | str, content: BinaryIO | None, is_chain: bool) -> LibsndfileDecoder | FfmpegDecoder:
    """Whatever reads the file: libsndfile, else FFmpeg. The first of them hears one stream of a chain."""
    reason = ""
    if not is_chain:
        try:
            return LibsndfileDecoder(path, content)
        except ValueError as error:
            reason = str(error)
    if content:
        content.seek(0)
    try:
        return FfmpegDecoder(path, content)
    except ModuleNotFoundError:
        if is_chain:
            return LibsndfileDecoder(path, content)
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
