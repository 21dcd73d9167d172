"""WAV, FLAC, Ogg, MP3 and their like, decoded by libsndfile: to their real end, whatever the header says."""

import io
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from streamer.sound import mpeg
from streamer.sound.quiet import quiet_libraries
from streamer.sound.sound_header import finished_wav

UNKNOWN_FRAMES = 2**62  # a FLAC that was written to a pipe has, through libsndfile, 2^63 - 1 frames


class LibsndfileDecoder:
    """An open file. `claimed_s` is how long it says that it is, 0 where it doesn't say.

    ValueError, one line without the file's name, for what libsndfile doesn't read.
    """

    def __init__(self, path: Path | str, content: BinaryIO | None):
        """`content` is what a pipe brought; of a regular file None."""
        self.fault = ""  # what the decoder says where the file breaks off
        self.damaged = 0  # packets: libsndfile tells of none
        try:
            source, self.claimed_s = _source(path, content)
            with quiet_libraries():
                self._file = _Unsought(source)
        except (soundfile.SoundFileRuntimeError, TypeError) as error:
            raise ValueError(_reason(error)) from None
        self.rate_hz, self.channels = int(self._file.samplerate), int(self._file.channels)
        if not self.claimed_s and self._file.frames < UNKNOWN_FRAMES:
            self.claimed_s = self._file.frames / self.rate_hz

    def read(self, frames: int) -> np.ndarray:
        """float32 [frames, channels]; fewer at the end, and where `fault` says why; then none."""
        if self.fault:
            return np.zeros((0, self.channels), np.float32)
        block = np.full((frames, self.channels), np.nan, np.float32)
        try:
            with quiet_libraries():
                samples: np.ndarray = self._file.read(out=block)
            return samples
        except (soundfile.SoundFileRuntimeError, OSError) as error:
            self.fault = _reason(error)
            # The exception hides how many frames came before the fault.
            return block[: np.count_nonzero(~np.isnan(block[:, 0]))]


def told_seconds(name: str) -> float:
    """How long the header of a file says that it is; 0 where that can't be known before it is read."""
    try:
        with quiet_libraries():
            header = None if name == "-" else soundfile.info(os.fsencode(name))
        return float(header.duration) if header and header.frames < UNKNOWN_FRAMES else 0.0
    except (soundfile.SoundFileRuntimeError, OSError):
        return 0.0


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


def _source(path: Path | str, content: BinaryIO | None) -> tuple[BinaryIO | bytes, float]:
    """The file, or its name, with a header that fits its samples; the seconds of an MP3."""
    file = content or open(path, "rb")  # noqa: SIM115
    if header := finished_wav(file):
        file.seek(0)
        return _NewHeader(file, header), 0.0  # type: ignore[return-value] # is read alone
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    if head[:3] == b"ID3" or mpeg.header(head, 0):
        counted = mpeg.with_length(file.read())
        if counted:
            return io.BytesIO(counted[0]), counted[1]
        file.seek(0)
    if content:
        return file, 0.0
    file.close()
    return os.fsencode(path), 0.0


def _reason(error: Exception) -> str:
    """What the decoder says, in one line without a full stop."""
    reason = getattr(error, "error_string", "") or str(error)
    return " ".join(reason.split()).removeprefix("Error : ").rstrip(".") or type(error).__name__
