"""The samples that a sound file holds, whatever its header says."""

import io
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile

from streamer.clients import mpeg
from streamer.clients.mixing import Mixer

UNKNOWN_BYTES = 0x7FFFF000  # a WAV that was written to a pipe gives this size of its samples, or a larger one
LARGEST = 0xFFFFFFFF
UNKNOWN_FRAMES = 2**62  # and a FLAC, through libsndfile, 2^63 - 1 frames
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
        self.fault = ""  # what the decoder says where the file breaks off
        refuse_missing(path)
        try:
            source, self._header_s = _source(path)
            self._file = _Unsought(source)
            self.rate_hz, self.channels = int(self._file.samplerate), int(self._file.channels)
            self._first = self._file.read(1, dtype="float32", always_2d=True)
        except (soundfile.SoundFileRuntimeError, TypeError, OSError) as error:
            raise ValueError(f"{path} is no audio file that can be read: {_reason(error)}") from None
        if not len(self._first):
            raise ValueError(f"{path} holds no samples")
        if not self._header_s and self._file.frames < UNKNOWN_FRAMES:
            self._header_s = self._file.frames / self.rate_hz

    @property
    def seconds(self) -> float:
        """How much sound was read so far."""
        return self.frames / self.rate_hz

    @property
    def warning(self) -> str:
        """At the end: a line where the file isn't what it says or its channels cancel, else empty."""
        lines = []
        if self.fault:
            lines.append(f"{self.name} breaks off after {self.seconds:.1f} s: {self.fault}")
        elif self._ended and self._header_s and abs(self._header_s - self.seconds) > TOLERANCE_S:
            lines.append(
                f"{self.name} says that it lasts {self._header_s:.1f} s, but holds {self.seconds:.1f} s"
            )
        if self._ended and self.mixer.channel is not None:
            lines.append(
                f"{self.name}: where its channels cancel, channel {self.mixer.channel + 1} alone is heard"
            )
        return "; ".join(lines)

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """float32 blocks [frames, channels], the last one shorter. They end where the decoder fails."""
        first, self._first = self._first, self._first[:0]
        while not self.fault:
            block = self._read(frames - len(first))
            if len(first):
                block, first = np.concatenate([first, block]), first[:0]
            if not len(block):
                break
            self.frames += len(block)
            yield block
        self._ended = True

    def _read(self, frames: int) -> np.ndarray:
        block = np.full((frames, self.channels), np.nan, np.float32)
        try:
            samples: np.ndarray = self._file.read(out=block)
            return samples
        except (soundfile.SoundFileRuntimeError, OSError) as error:
            self.fault = _reason(error)
            # The exception hides how many frames came before the fault.
            return block[: np.count_nonzero(~np.isnan(block[:, 0]))]


class _Unsought(soundfile.SoundFile):  # type: ignore[misc] # soundfile has no types
    """A sound file that is read from its start until nothing more comes.

    soundfile asks what can be sought how many frames are left, and seeks after every read: the first is a
    claim of the header, the second fails on GSM 6.10, G.721 and a FLAC of unknown length.
    """

    def seekable(self) -> bool:
        return False


class _NewHeader(io.RawIOBase):
    """A file whose first bytes are replaced by as many of `header`."""

    def __init__(self, file: BinaryIO, header: bytes):
        self._source, self._header = file, header

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._source.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # all that libsndfile gives
        start = self._source.tell()
        content = self._source.read(len(buffer))
        changed = self._header[start : start + len(content)]
        buffer[: len(content)] = changed + content[len(changed) :]
        return len(content)


def refuse_missing(path: Path | str) -> None:
    """ValueError, one line, where `path` is no file; standard input always is there."""
    if str(path) == "-":
        return
    if not Path(path).exists():
        raise ValueError(f"{path} is missing; give an audio file")
    if Path(path).is_dir():
        raise ValueError(f"{path} is a directory; give an audio file")


def _source(path: Path | str) -> tuple[BinaryIO | str, float]:
    """The file, or its path, with a header that fits its samples; the seconds that its own header tells."""
    piped = str(path) == "-" or Path(path).is_fifo()
    file: BinaryIO = io.BytesIO(_all_of(path)) if piped else open(path, "rb")  # noqa: SIM115
    header_s = 0.0
    if wav := _wav(file):
        if wav.unfinished:
            return _NewHeader(file, wav.finished_header(file)), 0.0  # type: ignore[return-value] # is read alone
        if wav.size < UNKNOWN_BYTES and wav.byte_rate:
            header_s = wav.size / wav.byte_rate
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    if head[:3] == b"ID3" or mpeg.header(head, 0):
        counted = mpeg.with_length(file.read())
        if counted:
            return io.BytesIO(counted[0]), counted[1]
        file.seek(0)
    if piped:
        return file, header_s
    file.close()
    return str(path), header_s


class _Wav(NamedTuple):
    """What the header of a WAV says, in bytes: of the whole, of its samples and where they start."""

    whole: int
    start: int
    size: int
    byte_rate: int

    @property
    def unfinished(self) -> bool:
        """Whether its recorder was killed before it wrote the sizes."""
        return self.size == 0 and self.whole + 8 <= self.start

    def finished_header(self, file: BinaryIO) -> bytes:
        """What stands before the samples, with the sizes that `file` has; it is left at its start."""
        end = file.seek(0, os.SEEK_END)
        file.seek(0)
        header = bytearray(file.read(self.start))
        header[4:8] = struct.pack("<I", min(end - 8, LARGEST))
        header[-4:] = struct.pack("<I", min(end - self.start, LARGEST))
        file.seek(0)
        return bytes(header)


def _wav(file: BinaryIO) -> _Wav | None:
    """The header of a WAV; None of another file."""
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        return None
    byte_rate = 0
    while len(chunk := file.read(8)) == 8:
        kind, size, start = chunk[:4], int.from_bytes(chunk[4:], "little"), file.tell()
        if kind == b"data":
            return _Wav(int.from_bytes(riff[4:8], "little"), start, size, byte_rate)
        if kind == b"fmt ":
            byte_rate = int.from_bytes(file.read(12)[8:], "little")
        file.seek(start + size + size % 2)
    return None


def _all_of(path: Path | str) -> bytes:
    return sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()


def _reason(error: Exception) -> str:
    """What the decoder says, in one line without a full stop."""
    reason = getattr(error, "error_string", "") or str(error)
    return " ".join(reason.split()).removeprefix("Error : ").rstrip(".") or type(error).__name__
