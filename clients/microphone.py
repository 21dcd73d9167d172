"""The microphone: blocks of samples at the device's own rate, nothing but queueing in the callback."""

import queue
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from streamer.clients.sound_system import load_again, load_sounddevice
from streamer.sound.quiet import quiet_libraries
from streamer.wire import RATES_HZ

BLOCK_MS = 40
WAIT_S = 0.1  # for a block, before `close` is noticed
DIGITAL_SILENCE_S = 2.0
QUEUE_BLOCKS = 15_000  # ten minutes: what is said while a server starts, or is away, is kept whole
STALLED_S = 3.0  # without a block, after which the device is taken for gone


@dataclass(frozen=True)
class Device:
    """A sound input of this machine."""

    number: int
    name: str
    rate_hz: int
    default: bool

    def __str__(self) -> str:
        return f"{self.number:3} {self.name} ({self.rate_hz} Hz){' *' if self.default else ''}"


class NoMicrophone(ValueError):
    """There is none at all."""


def list_devices() -> list[Device]:
    """Every input device. OSError, one line, where PortAudio is missing."""
    sounddevice = load_sounddevice()
    default = sounddevice.default.device[0]
    try:
        with quiet_libraries():
            devices = sounddevice.query_devices()
    except sounddevice.PortAudioError as error:
        raise OSError(f"the sound system gives no list of devices: {error}") from None
    return [
        Device(number, d["name"], int(d["default_samplerate"]), number == default)
        for number, d in enumerate(devices)
        if d["max_input_channels"] > 0
    ]


def choose(wanted: str | None) -> Device:
    """The device by number or part of its name, else the default one. ValueError where there is none."""
    devices = list_devices()
    if wanted is not None and not wanted.strip():
        raise ValueError("no microphone has an empty name; `streamer devices` lists what there is")
    if not devices:
        raise NoMicrophone("no microphone here; plug one in, or use --file AUDIO")
    if wanted is None:
        return next((d for d in devices if d.default), devices[0])
    matches = [d for d in devices if wanted == str(d.number)]
    matches = matches or [d for d in devices if wanted.lower() in d.name.lower()]
    if not matches:
        raise ValueError(f"no microphone {wanted!r}; `streamer devices` lists what there is")
    return matches[0]


class DeviceGone(OSError):
    """A device that was open gives no more sound."""


class Microphone:
    """An open microphone. Iterating yields s16 mono blocks as they are heard, until it is closed.

    A context manager: leaving it closes it. `lost_s` are the seconds that were lost, in the sound system
    or because nobody took them for ten minutes.
    """

    def __init__(self, device: Device | str | None = None):
        """Open `device`: one of `list_devices`, its number, or a part of its name; else the default one.

        OSError, one line, where it can't be opened; ValueError where there is none.
        """
        device = device if isinstance(device, Device) else choose(device)
        sounddevice = load_sounddevice()
        self.device, self.lost_s = device, 0.0
        self.rate_hz = min(RATES_HZ, key=lambda rate: abs(rate - device.rate_hz))
        self._blocks: queue.Queue[bytes] = queue.Queue(QUEUE_BLOCKS)
        self._closed = False
        self._quiet = ExitStack()  # PortAudio's own thread tells of faults that we tell in one line
        self._quiet.enter_context(quiet_libraries())
        try:
            self._stream = sounddevice.RawInputStream(
                samplerate=self.rate_hz,
                device=device.number,
                channels=1,
                dtype="int16",
                blocksize=self.rate_hz * BLOCK_MS // 1000,
                callback=self._heard,
            )
            self._stream.start()
        except sounddevice.PortAudioError as error:
            self._quiet.close()
            raise OSError(f"{device.name}: {error}; choose another with --device") from None
        self._heard_at = time.monotonic()

    def reopened(self) -> "Microphone":
        """The same device again, once it is back. OSError or ValueError while it isn't."""
        load_again()
        again = Microphone(choose(self.device.name))
        if again.rate_hz != self.rate_hz:
            again.close()
            raise OSError(f"{self.device.name} is back at {again.rate_hz} Hz, for {self.rate_hz}")
        again.lost_s = self.lost_s
        return again

    @property
    def format(self) -> dict[str, Any]:
        """The `format` option of a stream that takes its blocks."""
        return {"encoding": "s16", "rate": self.rate_hz, "channels": 1}

    def __enter__(self) -> "Microphone":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        """Every block as it is heard. OSError, one line, once the device is gone."""
        while not self._closed:
            yield from self.blocks(WAIT_S)

    def close(self) -> None:
        """Stop listening; what was heard until then can still be read with `blocks`."""
        self._closed = True
        self._stream.close()
        self._quiet.close()

    def blocks(self, wait_s: float) -> Iterator[bytes]:
        """The blocks heard so far; waits for the first one for at most `wait_s`.

        OSError, one line, once the device is gone: its stream has ended, or nothing came for STALLED_S.
        """
        try:
            yield self._blocks.get(timeout=wait_s)
            while True:
                yield self._blocks.get_nowait()
        except queue.Empty:
            stalled = time.monotonic() - self._heard_at > STALLED_S
            if not self._closed and (stalled or not self._stream.active):
                raise DeviceGone(f"{self.device.name} is gone; was it unplugged?") from None

    def _heard(self, block: Any, frames: int, when: object, status: Any) -> None:
        self._heard_at = time.monotonic()
        if status.input_overflow:  # of a length that nobody tells
            self.lost_s += BLOCK_MS / 1000
        try:
            self._blocks.put_nowait(bytes(block))
        except queue.Full:
            self.lost_s += BLOCK_MS / 1000


class SilenceWatch:
    """Notices a muted or blocked microphone: nothing but zeros for DIGITAL_SILENCE_S of sound."""

    def __init__(self, rate_hz: int):
        self._limit, self._zeros = round(DIGITAL_SILENCE_S * rate_hz), 0

    def hear(self, block: bytes) -> bool:
        """Take the next s16 block; return whether the silence is digital by now."""
        self._zeros = 0 if any(block) else self._zeros + len(block) // 2
        return self._zeros >= self._limit


def level_dbfs(block: bytes) -> float:
    """The root-mean-square level of an s16 block in dB below full scale; -inf for digital silence."""
    samples = np.frombuffer(block, "<i2").astype(np.float32)
    power = float(np.mean(np.square(samples))) if len(samples) else 0.0
    return 10 * np.log10(power / 32768**2) if power else -np.inf
