"""Audio payloads to samples: signed 16-bit, 32-bit float or mu-law, any number of channels."""

from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from streamer.errors import OptionError, PayloadError

SAMPLE_BYTES = {"s16": 2, "f32": 4, "mulaw": 1}
LOUDEST = 8.0  # float samples lie in [-1, 1]; peaks above are taken, integers in disguise are not


class AudioFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a stream's samples are written: interleaved by channel, little-endian, `rate` in Hz."""

    encoding: Literal["s16", "f32", "mulaw"]
    rate: int
    channels: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


def audio_format(value: Any, rates_hz: tuple[int, ...]) -> AudioFormat:
    """`value` as a format whose rate is one of `rates_hz`. OptionError "options.format..."."""
    try:
        format = msgspec.convert(value, AudioFormat)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise OptionError(f"options.format{place.rstrip('`')}", text, "bad_format") from None
    if format.rate not in rates_hz:
        supported = ", ".join(str(rate) for rate in rates_hz)
        raise OptionError("options.format.rate", f"{format.rate} Hz is not one of {supported}", "bad_format")
    return format


class AudioFeeder:
    """Turns the payloads of one stream into input steps, one per position."""

    def __init__(self, format: AudioFormat):
        self.format = format
        self.frame_bytes = SAMPLE_BYTES[format.encoding] * format.channels

    def count(self, payload: bytes | memoryview) -> int:
        """The samples per channel that `payload` holds. PayloadError for half a sample."""
        if len(payload) % self.frame_bytes:
            raise PayloadError(
                f"{len(payload)} bytes are no whole number of samples; "
                f"{self.format.channels} x {self.format.encoding} take {self.frame_bytes} bytes"
            )
        return len(payload) // self.frame_bytes

    def steps(self, payload: bytes | memoryview) -> np.ndarray:
        """Samples float32 [n, 1], the mean of the channels.

        PayloadError for half a sample, and for floats that aren't samples.
        """
        self.count(payload)
        samples = DECODE[self.format.encoding](payload).reshape(-1, self.format.channels)
        return samples if self.format.channels == 1 else samples.mean(1, keepdims=True)


def _s16(payload: bytes | memoryview) -> np.ndarray:
    return np.frombuffer(payload, "<i2") * np.float32(1 / 32768)


def _f32(payload: bytes | memoryview) -> np.ndarray:
    samples = np.frombuffer(payload, "<f4")
    # One comparison that NaN fails too.
    if samples.size and not float(np.abs(samples).max()) <= LOUDEST:
        raise PayloadError("f32 samples must be finite and lie in [-1, 1]")
    return samples


def _mulaw(payload: bytes | memoryview) -> np.ndarray:
    return MULAW[np.frombuffer(payload, np.uint8)]


def _mulaw_table() -> np.ndarray:
    """The 256 values of G.711 mu-law in [-1, 1]: sign, three bits of exponent, four of mantissa."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + 132) << exponent) - 132
    return (np.where(code & 128, -magnitude, magnitude) / 32768).astype(np.float32)


MULAW = _mulaw_table()
DECODE = {"s16": _s16, "f32": _f32, "mulaw": _mulaw}
