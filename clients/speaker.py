"""The loudspeaker: samples in, played at their own pace; what came too late is counted."""

import threading
from collections import deque
from types import TracebackType

import numpy as np

from streamer.clients.sound_system import load_sounddevice

BLOCK_MS = 20


class Speaker:
    """An open sound output, stereo float32. `write` what is to be heard; the callback only copies.

    `underruns` counts the blocks that were not full in time, since playing began.
    """

    def __init__(self, rate_hz: int, device: str | None = None):
        """OSError or ValueError, one line, where there is no output to open."""
        sounddevice = load_sounddevice()
        self.rate_hz, self.underruns, self.played = rate_hz, 0, 0
        self._waiting: deque[np.ndarray] = deque()
        self._lock = threading.Lock()
        self._queued, self._started, self._ended = 0, False, False
        try:
            self._stream = sounddevice.OutputStream(
                samplerate=rate_hz,
                channels=2,
                dtype="float32",
                device=int(device) if device and device.isdigit() else device,
                blocksize=rate_hz * BLOCK_MS // 1000,
                callback=self._play,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            text = " ".join(str(error).split())
            raise OSError(f"no sound output here ({text}); use --output FILE without --play") from None

    @property
    def lead(self) -> float:
        """Seconds of sound that are written and not yet played."""
        return self._queued / self.rate_hz

    def write(self, samples: np.ndarray) -> None:
        """Add samples [n, 2] to what is to be played."""
        with self._lock:
            self._waiting.append(samples)
            self._queued += len(samples)
            self._started = True

    def end(self) -> None:
        """Nothing follows: silence from here on doesn't count as an underrun."""
        self._ended = True

    def __enter__(self) -> "Speaker":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.stop() if kind is None else self._stream.abort()
        self._stream.close()

    def _play(self, out: np.ndarray, frames: int, time: object, status: object) -> None:
        filled = 0
        with self._lock:
            while filled < frames and self._waiting:
                part = self._waiting[0]
                used = min(len(part), frames - filled)
                out[filled : filled + used] = part[:used]
                filled += used
                if used == len(part):
                    self._waiting.popleft()
                else:
                    self._waiting[0] = part[used:]
            self._queued -= filled
        out[filled:] = 0
        self.played += filled
        if filled < frames and self._started and not self._ended:
            self.underruns += 1
