"""Recordings of phones, browsers and cameras, decoded by FFmpeg through PyAV: the extra `media`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    import av

# Of FFmpeg's demuxers those of one file: a playlist would open other files and addresses.
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,aac,ac3,eac3,amr,amrnb,amrwb,flv,avi,mpeg,mpegts,mp3,ogg,wav,"
    "w64,caf,aiff,au,flac,ape,wv,tta,mpc,mpc8,dsf,dts,dtshd,truehd,loas,rm,voc,xwma"
)
# Of these FFmpeg guesses how long they are.
UNMEASURED = {"aac", "ac3", "eac3", "amr", "amrnb", "amrwb", "mp3", "dts", "loas", "mpeg", "mpegts", "truehd"}


class FfmpegDecoder:
    """The first sound of an open file. `claimed_s` is how long it says that it is, 0 where it doesn't say.

    ModuleNotFoundError without PyAV; ValueError, one line without the file's name, for what holds no sound
    that FFmpeg decodes.
    """

    def __init__(self, path: Path | str, content: BinaryIO | None):
        """`content` is what a pipe brought; of a regular file None."""
        import av  # optional

        self.fault = ""  # what the decoder says where the file breaks off
        self.damaged = 0  # packets that were left out
        self._errors = av.FFmpegError, ValueError, EOFError
        try:
            # The open file, not its name: FFmpeg would take some names for addresses.
            self._container = av.open(
                content or open(path, "rb"),  # noqa: SIM115 - it lives as long as the decoder
                mode="r",
                options={"format_whitelist": CONTAINERS},
                metadata_errors="replace",
            )
            if not self._container.streams.audio:
                raise ValueError("it holds no sound")
            self._frames = self._decoded(self._container.streams.best("audio"))
            first = next(self._frames, None)
        except self._errors as error:
            raise ValueError(_reason(error)) from None
        if first is None:
            raise ValueError(self.fault or "nothing in it can be decoded")
        self.rate_hz, self.channels = first.sample_rate, first.layout.nb_channels
        self.claimed_s = self._claimed_s()
        self._blocks = self._converted(first)
        self._rest = np.zeros((0, self.channels), np.float32)  # of the last block

    def read(self, frames: int) -> np.ndarray:
        """float32 [frames, channels]; fewer at the end, and where `fault` says why."""
        taken, missing = [np.zeros((0, self.channels), np.float32)], frames
        while missing and len(block := self._next()):
            taken.append(block[:missing])
            self._rest = block[missing:]
            missing -= len(taken[-1])
        return np.concatenate(taken)

    def _next(self) -> np.ndarray:
        """The next samples [n, channels]; none at the end."""
        if len(self._rest):
            return self._rest
        return next(self._blocks, self._rest)

    def _claimed_s(self) -> float:
        if set(self._container.format.name.split(",")) & UNMEASURED or not self._container.duration:
            return 0.0
        return self._container.duration / 1_000_000

    def _decoded(self, stream: Any) -> "Iterator[av.AudioFrame]":
        """The frames of a stream, without what can't be decoded."""
        packets = self._container.demux(stream)
        try:
            for packet in packets:
                try:
                    yield from packet.decode()
                except self._errors:
                    self.damaged += 1
        except self._errors as error:
            self.fault = _reason(error)

    def _converted(self, first: "av.AudioFrame") -> Iterator[np.ndarray]:
        """The sound as float32 [n, channels] at the first frame's rate and layout, whatever comes later."""
        import av

        kind, resampler = ("", "", 0), None
        frame: av.AudioFrame | None = first
        while frame:
            before, kind = kind, (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or kind != before:
                yield from _flushed(resampler)
                resampler = av.AudioResampler("flt", first.layout, self.rate_hz)
            frame.pts = None  # the samples are the clock: a jump of the times adds none
            yield from (_samples(block) for block in resampler.resample(frame))
            frame = next(self._frames, None)
        yield from _flushed(resampler)


def _flushed(resampler: Any) -> Iterator[np.ndarray]:
    if resampler:
        yield from (_samples(block) for block in resampler.resample(None))


def _samples(frame: "av.AudioFrame") -> np.ndarray:
    samples: np.ndarray = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    return samples


def _reason(error: Exception) -> str:
    """What FFmpeg says, in one line without a full stop."""
    reason = getattr(error, "strerror", "") or str(error)
    return " ".join(reason.split()).rstrip(".") or type(error).__name__
