"""The loudspeaker: samples in, played at their own pace; what came too late is counted."""

import threading
import time
from collections import deque
from contextlib import ExitStack
from types import TracebackType

import numpy as np

from streamer.clients.sound_system import load_sounddevice
from streamer.sound.quiet import quiet_libraries

BLOCK_MS = 20
STALLED_S = 3.0  # without taking a block, after which the device is taken for gone


class SpeakerGone(OSError):
    """A device that was open takes no more sound."""


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
        self._taken_at = time.monotonic()
        self._quiet = ExitStack()  # PortAudio's own thread tells of faults that we tell in one line
        self._quiet.enter_context(quiet_libraries())
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
            self._quiet.close()
            text = " ".join(str(error).split())
            raise OSError(f"no sound output here ({text}); use --output FILE without --play") from None

    @property
    def lead(self) -> float:
        """Seconds of sound that are written and not yet played.

        SpeakerGone once the device is gone: its stream has ended, or it took nothing for STALLED_S.
        """
        if not self._stream.active or time.monotonic() - self._taken_at > STALLED_S:
            raise SpeakerGone("the loudspeaker is gone; was it unplugged?")
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
        self._quiet.close()

    def _play(self, out: np.ndarray, frames: int, when: object, status: object) -> None:
        filled, self._taken_at = 0, time.monotonic()
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
