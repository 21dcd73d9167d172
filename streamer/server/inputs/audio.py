"""Sound: samples of any rate, through a front for each rate, to the network."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from streamer import wire
from streamer.errors import OptionError
from streamer.models.feeders.audio import SAMPLE_BYTES, AudioFeeder, AudioFormat, audio_format
from streamer.models.feeders.text import Mark
from streamer.models.readers import Event
from streamer.runtime.geometry import Geometry
from streamer.runtime.lane import Lane
from streamer.runtime.runner import Runner
from streamer.server.inputs.intake import Front, InputKind, Intake, Limits, Times, alternatives

ACKS_PER_SECOND = 8  # of sound; a frame may come on top, and 250 ms are promised


class AudioInput(InputKind[AudioFormat]):
    """Samples of any rate; `make_front` gives a runner for a rate in Hz, `rate_hz` is the usual one."""

    kind, encodings, rates, option_names = "audio", tuple(SAMPLE_BYTES), wire.RATES_HZ, ("format",)
    takes = (wire.Audio,)
    patience, spare_blocks, marked = 1.0, 0, False

    def __init__(self, make_front: Callable[[int], Runner], rate_hz: int):
        self._make_front, self._rate_hz = make_front, rate_hz
        self.fronts: dict[int, Runner] = {}

    def front(self, rate_hz: int) -> Runner:
        """The front for streams at `rate_hz`, made for the first of them."""
        if rate_hz not in self.fronts:
            self.fronts[rate_hz] = self._make_front(rate_hz)
        return self.fronts[rate_hz]

    def parse(self, given: dict[str, Any]) -> AudioFormat:
        if "format" not in given:
            reason = f"missing; say encoding ({', '.join(SAMPLE_BYTES)}), rate and channels"
            raise OptionError("options.format", reason, "bad_format")
        return audio_format(given["format"], wire.RATES_HZ)

    def usual(self) -> AudioFormat:
        return AudioFormat("f32", self._rate_hz)

    def in_force(self, choice: AudioFormat) -> dict[str, Any]:
        return {"format": {"encoding": choice.encoding, "rate": choice.rate, "channels": choice.channels}}

    def latency_ms(self, choice: AudioFormat, network: Geometry) -> float:
        return Places(self.front(choice.rate).geometry, network).latency_ms(choice.rate)

    def open(self, choice: AudioFormat, network: Lane, times: Times) -> "AudioIntake":
        runner = self.front(choice.rate)
        runner.open(network.row)
        window, skip = (choice.rate * ms // 1000 for ms in times)
        limits = Limits(window, choice.rate // ACKS_PER_SECOND, skip)
        return AudioIntake(choice, Front(runner, Lane(runner.geometry, network.row)), network, limits)


class AudioIntake(Intake[wire.Audio, np.ndarray]):
    """One stream's samples, through its front's lane to the network's. A position is a sample per channel."""

    takes = AudioInput.takes
    hungry = True
    pushed = 0
    front: Front

    def __init__(self, format: AudioFormat, front: Front, network: Lane, limits: Limits):
        self.feeder, self.front, self.network, self.limits = AudioFeeder(format), front, network, limits
        self.places = Places(front.lane.geometry, network.geometry)
        self.grain = front.lane.geometry.block
        # Where each input ended, so that a result can name the input that it needed.
        self._ends: deque[tuple[int, int]] = deque()
        self._end = 0  # the seq that closed the stream

    @property
    def stepped(self) -> int:
        return self.front.lane.stepped

    def count(self, message: wire.Audio, payload: bytes) -> int:
        return self.feeder.count(payload)

    def read(self, message: wire.Audio, payload: bytes) -> list[np.ndarray]:
        return [self.feeder.steps(payload)]

    def skipped(self, count: int) -> list[np.ndarray]:
        # A view of one row: a long loss takes no memory.
        neutral = self.front.lane.geometry.neutral
        return [np.broadcast_to(neutral, (count, len(neutral)))]

    def push(self, piece: np.ndarray, seq: int) -> list[Mark]:
        self.front.lane.push(piece)
        self.pushed += len(piece)
        self._ends.append((self.pushed, seq))
        return []

    def flush(self, seq: int) -> list[Mark]:
        return []  # copies of the lanes are drained in its turn

    def close(self, seq: int) -> list[Mark]:
        self.front.lane.close()
        self._end = seq
        return []

    def save(self) -> bytes:
        return msgspec.msgpack.encode((self.pushed, list(self._ends)))

    def restore(self, saved: bytes) -> None:
        self.pushed, ends = msgspec.msgpack.decode(saved, type=tuple[int, list[tuple[int, int]]])
        self._ends = deque(ends)

    def heard(self, rows: int) -> int:
        # Without a flush or an end all that is needed was pushed, whoever stepped it when.
        return min(self.places.needed(rows), self.front.lane.pushed)

    def cause(self, rows: int) -> int:
        self._drop(self.places.needed(rows))
        # Only the neutral steps of closing reach beyond the last input.
        return self._ends[0][1] if self._ends else self._end

    def forget(self) -> None:
        self._drop(self.places.needed(max(0, self.network.true_rows)))

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        return self.places.alternatives(event, heard)

    def _drop(self, position: int) -> None:
        while self._ends and self._ends[0][0] < position:
            self._ends.popleft()


class Places:
    """Maps a stream's output rows to its input positions, through its front and its network.

    Positions are the front's input steps, output rows the network's outputs.
    """

    def __init__(self, front: Geometry, network: Geometry):
        self.front, self.network = front, network
        self._per_row = float(1 / (front.ratio * network.ratio))

    def needed(self, rows: int) -> int:
        """Positions after which the first `rows` output rows are known, in whole blocks."""
        return self.front.steps_for(self.network.steps_for(rows)) if rows else 0

    def latency_ms(self, rate_hz: int) -> float:
        """From the beginning of a sound at `rate_hz` until its first output row is known."""
        return 1000 * self.needed(1) / rate_hz

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        """The event's readings with their times in positions, none beyond the position `heard`."""

        def at(rows: float) -> int:
            position = round(rows * self._per_row)
            return 0 if position < 0 else heard if position > heard else position

        return alternatives(event, at)
