"""How one stream's inputs become its network's steps, and where an output row lies in them."""

from collections import deque
from typing import Any, Protocol

import numpy as np

from streamer import wire
from streamer.models.feeders.audio import AudioFeeder, AudioFormat
from streamer.models.feeders.text import Mark, Steps, TextFeeder
from streamer.models.readers import Event
from streamer.models.text.utf8 import decoded
from streamer.runtime.lane import Lane
from streamer.server.inputs.places import Places, alternatives

PIECE_BYTES = 4096  # of text that become steps at once: a long text holds up no other stream
ENOUGH_STEPS = 512  # that wait for the network; until they went through, no more text becomes steps


class Intake(Protocol):
    """Law: what it gives the lanes is a function of the inputs alone, however they were cut."""

    front: Lane | None  # of samples; None where inputs become the network's steps by themselves
    network: Lane
    takes: tuple[type, ...]  # the messages that mean something to it
    grain: int  # positions, fewer than which change nothing

    @property
    def stepped(self) -> int:
        """Positions that are done with."""

    @property
    def hungry(self) -> bool:
        """Whether more may be pushed now."""

    def count(self, message: wire.StreamInput, payload: bytes) -> int:
        """The positions that an input brings. PayloadError for a part of one."""

    def read(self, message: wire.StreamInput, payload: bytes) -> list:
        """What is to be pushed of an input. PayloadError where that is nothing that can be read."""

    def control(self, values: dict[str, Any]) -> dict[str, Any]:
        """The options in force after what was read, `values` among them. Asked of what takes `Control`.

        OptionError "options.NAME"; then nothing changes.
        """

    def skipped(self, count: int) -> list:
        """What is to be pushed for `count` lost positions. ValueError where none may be lost."""

    def push(self, item, seq: int) -> list[Mark]:
        """Give the lanes what `read` or `skipped` told of input `seq`; marks of the network's new steps."""

    def flush(self, seq: int) -> list[Mark]:
        """The utterance ends here, by input `seq`."""

    def close(self, seq: int) -> list[Mark]:
        """No more comes, by input `seq`."""

    def heard(self, rows: int) -> int:
        """The positions after which the first `rows` output rows are known, of those that came."""

    def cause(self, rows: int) -> int:
        """The seq of the input that made them known; asked for in rising order."""

    def forget(self) -> None:
        """Drop what no result can ask for any more: those of the rows so far were told."""

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        """The event's readings with their places in positions."""


class AudioIntake:
    """Samples, through a front's lane, to the network's. A position is a sample per channel."""

    takes = (wire.Audio,)
    hungry = True

    def __init__(self, format: AudioFormat, front: Lane, network: Lane):
        self.feeder, self.front, self.network = AudioFeeder(format), front, network
        self.rate_hz = format.rate
        self.places = Places(front.geometry, network.geometry)
        self.grain = front.geometry.block
        self._position = 0  # after the inputs pushed
        # Where each input ended, so that a result can name the input that it needed.
        self._ends: deque[tuple[int, int]] = deque()
        self._end = 0  # the seq that closed the stream

    @property
    def stepped(self) -> int:
        return self.front.stepped

    def count(self, message: wire.Audio, payload: bytes) -> int:
        return self.feeder.count(payload)

    def read(self, message: wire.Audio, payload: bytes) -> list[np.ndarray]:
        return [self.feeder.steps(payload)]

    def skipped(self, count: int) -> list[np.ndarray]:
        # A view of one row: a long loss takes no memory.
        neutral = self.front.geometry.neutral
        return [np.broadcast_to(neutral, (count, len(neutral)))]

    def push(self, item: np.ndarray, seq: int) -> list[Mark]:
        self.front.push(item)
        self._position += len(item)
        self._ends.append((self._position, seq))
        return []

    def flush(self, seq: int) -> list[Mark]:
        return []  # copies of the lanes are drained in its turn

    def close(self, seq: int) -> list[Mark]:
        self.front.close()
        self._end = seq
        return []

    def heard(self, rows: int) -> int:
        # Without a flush or an end all that is needed was pushed, whoever stepped it when.
        return min(self.places.needed(rows), self.front.pushed)

    def cause(self, rows: int) -> int:
        self._drop(self.places.needed(rows))
        # Only the neutral steps of closing reach beyond the last input.
        return self._ends[0][1] if self._ends else self._end

    def forget(self) -> None:
        self._drop(self.places.needed(max(0, rows_of(self.network))))

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        return self.places.alternatives(event, heard)

    def _drop(self, position: int) -> None:
        while self._ends and self._ends[0][0] < position:
            self._ends.popleft()


class TextIntake:
    """Words and what comes with them, to the network's lane. A position is a byte of UTF-8."""

    takes = (wire.Text,)
    front = None
    grain = 1

    def __init__(self, feeder: TextFeeder, network: Lane):
        self.feeder, self.network = feeder, network
        self._position, self._half = 0, b""  # of what was read
        self._known: deque[tuple[int, int]] = deque()  # of each step whose row may be asked for: bytes, seq
        self._first = 0  # the number of the first of them
        self.stepped = 0  # bytes that became steps; few steps wait for the network

    @property
    def hungry(self) -> bool:
        return self.network.waiting < ENOUGH_STEPS

    def count(self, message: wire.Text, payload: bytes) -> int:
        return len(payload)

    def read(self, message: wire.Text, payload: bytes) -> list[bytes]:
        _, self._half = decoded(payload, self._half, self._position)
        self._position += len(payload)
        return [payload[at : at + PIECE_BYTES] for at in range(0, len(payload), PIECE_BYTES)]

    def skipped(self, count: int) -> list:
        raise ValueError("no part of a text may be lost; send it again")

    def push(self, item: bytes, seq: int) -> list[Mark]:
        self.stepped += len(item)
        return self._step(self.feeder.feed(item), seq)

    def flush(self, seq: int) -> list[Mark]:
        return self._step(self.feeder.end_sentence(), seq)

    def close(self, seq: int) -> list[Mark]:
        marks = self._step(self.feeder.end_text(), seq)
        self.network.close()
        return marks

    def heard(self, rows: int) -> int:
        return self._of(rows)[0]

    def cause(self, rows: int) -> int:
        return self._of(rows)[1]

    def forget(self) -> None:
        self._drop(rows_of(self.network))

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        return alternatives(event, round)

    def _step(self, steps: Steps, seq: int) -> list[Mark]:
        self.network.push(steps.x)
        self._known += ((mark.known, seq) for mark in steps.marks)
        return steps.marks

    def _of(self, rows: int) -> tuple[int, int]:
        """Of the step that the last of `rows` rows needed."""
        if not rows:
            return 0, 0
        self._drop(rows)
        return self._known[0]

    def _drop(self, rows: int) -> None:
        # A row of a network that looks ahead needs later steps.
        step = self.network.geometry.steps_for(rows) - 1 if rows > 0 else 0
        while self._first < step and len(self._known) > 1:
            self._known.popleft()
            self._first += 1


def rows_of(lane: Lane) -> int:
    """The true output rows so far, or fewer: a closed lane's neutral steps are not told apart."""
    steps = max(0, lane.pushed - lane.waiting)
    return lane.geometry.outputs_per_block * (steps // lane.geometry.block) - lane.geometry.warmup
