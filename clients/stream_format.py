"""What a stream's inputs are made of: bytes, text, or arrays of samples where their conversion is exact."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer import wire

Payload = bytes | bytearray | memoryview | str | NDArray[Any]
"""Samples interleaved by channel, UTF-8 text, or an array of samples [n] or [n, channels]."""

DEFAULT_FORMAT: dict[str, Any] = {"encoding": "s16", "rate": 16000, "channels": 1}
CREDIT_ENCODING = "notes"  # of generators, whose inputs are credit
MAX_FRAME_BYTES = 64 * 1024
FULL_SCALE = 32768  # of a 16-bit sample; what the server divides by


@dataclass(frozen=True)
class StreamFormat:
    """How the inputs of a stream of `model` are encoded; `channels` is 1 unless it is sound."""

    model: str
    encoding: str
    channels: int = 1
    rate_hz: int = 0  # of sound

    @classmethod
    def of(cls, model: str, options: Mapping[str, Any]) -> "StreamFormat":
        """The format that a stream's `options` name."""
        named = options.get("format") or DEFAULT_FORMAT
        return cls(model, named["encoding"], named.get("channels", 1), named.get("rate", 0))

    @property
    def is_text(self) -> bool:
        return self.encoding in wire.TEXT_ENCODINGS

    @property
    def is_credit(self) -> bool:
        return self.encoding == CREDIT_ENCODING

    @property
    def position_bytes(self) -> int:
        """Bytes of one position: a sample of every channel; of text, one; of credit there are none."""
        return 1 if self.is_text or self.is_credit else wire.SAMPLE_BYTES[self.encoding] * self.channels

    def positions(self, payload: bytes) -> int:
        """How many positions a payload has."""
        return len(payload) // self.position_bytes

    def pieces(self, given: Payload, window: int) -> Iterator[bytes]:
        """What is sent, as the payloads of inputs: each a frame, and half a window, at most.

        TypeError and ValueError as `encode`.
        """
        encoded, most = self.encode(given), max(1, window // 2)
        step = self.position_bytes * min(MAX_FRAME_BYTES // self.position_bytes, most)
        for begin in range(0, len(encoded), step):
            # A copy: it is kept until the server has it, and the caller may reuse its buffer.
            yield bytes(encoded[begin : begin + step])

    def credits(self, count: int, window: int) -> Iterator[int]:
        """`count` steps, in parts of half a window at most.

        ValueError below 0, TypeError of a stream that is no generator's.
        """
        if not self.is_credit:
            raise TypeError(f"{self.model} is no generator: send it what it reads")
        if count < 0:
            raise ValueError(f"a credit of {count} steps; steps that were asked for are not taken back")
        most = max(1, window // 2)
        yield from (min(most, count - start) for start in range(0, count, most))

    def encode(self, given: Payload) -> bytes | memoryview:
        """`given` as the stream's bytes.

        TypeError says what to send instead where `given` is of another kind, or an array whose
        conversion would not be exact; ValueError for half a sample.
        """
        if self.is_credit:
            raise TypeError(f"{self.model} makes steps for credit and takes nothing else")
        if isinstance(given, str):
            if not self.is_text:
                raise TypeError(f"{self.model} takes sound: send samples as bytes or an array, not text")
            return given.encode()
        if isinstance(given, np.ndarray):
            return self._encode_array(given)
        if not isinstance(given, bytes | bytearray | memoryview):
            kinds = "str or UTF-8 bytes" if self.is_text else "bytes or a NumPy array"
            raise TypeError(f"{type(given).__name__} is no input of {self.model}; send {kinds}")
        octets = memoryview(given).cast("B")
        if len(octets) % self.position_bytes:
            raise ValueError(
                f"{len(octets)} bytes are no whole number of samples of {self.position_bytes} bytes"
            )
        return octets

    def _encode_array(self, samples: NDArray[Any]) -> bytes:
        if self.is_text:
            raise TypeError(f"{self.model} takes text: send str or UTF-8 bytes, not an array")
        self._check_shape(samples.shape)
        kind, size = samples.dtype.kind, samples.dtype.itemsize
        if self.encoding == "s16" and (kind, size) == ("i", 2):
            return samples.astype("<i2").tobytes()
        if self.encoding == "f32" and kind == "f" and size <= 4:
            return samples.astype("<f4").tobytes()
        if self.encoding == "f32" and (kind, size) == ("i", 2):
            # Exact, and what the server makes of the same samples on a stream of s16.
            return (samples.astype("<f4") / np.float32(FULL_SCALE)).astype("<f4").tobytes()
        if self.encoding == "mulaw" and (kind, size) == ("u", 1):
            return samples.tobytes()
        other = {"f": "f32", "i": "s16"}.get(kind, self.encoding)
        hint = f'; or open the stream with "encoding": "{other}"' if other != self.encoding else ""
        raise TypeError(
            f"an array of {samples.dtype} has no exact form on a stream of {self.encoding}: "
            f"{_conversion(self.encoding, kind)}{hint}"
        )

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if shape[1:] == (self.channels,) or (len(shape) == 1 and self.channels == 1):
            return
        wanted = f"[n, {self.channels}]" if self.channels > 1 else "[n] or [n, 1]"
        raise TypeError(
            f"an array of shape {list(shape)} on a stream of {self.channels} "
            f"channel{'' if self.channels == 1 else 's'}: {_reshape(shape, self.channels)}; "
            f"the stream takes {wanted}"
        )


def _conversion(encoding: str, kind: str) -> str:
    """How to turn an array of NumPy's `kind` into what a stream of `encoding` takes."""
    if encoding == "mulaw":
        return "send the codes as numpy.uint8"
    if encoding == "s16" and kind == "f":
        return "send (samples * 32767).round().astype(numpy.int16) of samples in [-1, 1]"
    if encoding == "s16":
        return "scale the samples to 16 bits and send them as numpy.int16"
    return f"{'' if kind == 'f' else 'scale the samples to [-1, 1] and '}send samples.astype(numpy.float32)"


def _reshape(shape: tuple[int, ...], channels: int) -> str:
    """What to do with an array of a `shape` that a stream of `channels` does not take."""
    if len(shape) == 2 and shape[0] == channels:
        return "send samples.T"
    if len(shape) == 1:
        return f"send interleaved samples as samples.reshape(-1, {channels})"
    if len(shape) == 2 and channels == 1:
        return 'send one channel, samples[:, 0], or open the stream with as many "channels"'
    return 'open the stream with as many "channels" as the array has columns'
