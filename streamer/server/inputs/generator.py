"""Credit: streams that ask for steps and are given them. The options in force make each step."""

from collections import deque
from typing import Any, NamedTuple

import msgspec

from streamer import wire
from streamer.errors import WireError
from streamer.models.feeders.composer import ComposerFeeder
from streamer.models.feeders.text import Mark
from streamer.models.music.notation import Voice
from streamer.models.readers import Event
from streamer.runtime.geometry import Geometry
from streamer.runtime.lane import Lane
from streamer.server.inputs.intake import InputKind, Intake, Limits, Times, alternatives

WINDOW_STEPS = 1024  # that may be asked for and not yet be made
ACK_STEPS = 64
PATIENCE = 4.0  # what is played has a lead, and wide steps cost little more than narrow ones
PIECE_STEPS = 32  # made at once: who asks for many holds up no other stream


class GeneratorInput(InputKind[dict[str, Any]]):
    """Nothing but credit, and options that may change between steps."""

    kind, encodings, rates = "generator", (), ()
    takes = (wire.Credit, wire.Control)
    patience, spare_blocks, marked = PATIENCE, 0, False

    def __init__(self, feeder: ComposerFeeder):
        self.feeder, self.option_names = feeder, tuple(feeder.option_names)

    def parse(self, given: dict[str, Any]) -> dict[str, Any]:
        return self.feeder.parse({name: given[name] for name in self.option_names if name in given})

    def usual(self) -> dict[str, Any]:
        return self.parse({})

    def in_force(self, choice: dict[str, Any]) -> dict[str, Any]:
        return with_format(self.feeder, choice)

    def latency_ms(self, choice: dict[str, Any], network: Geometry) -> float:
        return 0.0

    def open(self, choice: dict[str, Any], network: Lane, times: Times) -> "GeneratorIntake":
        return GeneratorIntake(self.feeder, choice, network)


class CreditedSteps(NamedTuple):
    """`num_steps` steps from `start` on, and the options that were in force when they were asked for."""

    start: int
    num_steps: int
    options: dict[str, Any]


class GeneratorIntake(Intake[wire.Credit, CreditedSteps]):
    """Credit, to the network's lane. A position is a step.

    Law: a step's input is a function of its position and of the options in force there alone.
    """

    takes = GeneratorInput.takes
    front = None
    limits = Limits(WINDOW_STEPS, ACK_STEPS, 0)
    grain = 1

    def __init__(self, feeder: ComposerFeeder, options: dict[str, Any], network: Lane):
        self.feeder, self.options, self.network = feeder, options, network
        self._position = 0  # after the credit read
        self._reached = options  # in force after the last piece that was pushed
        # Where each credit that is pushed ended, so that a result can name the one that it needed.
        self._ends: deque[tuple[int, int]] = deque()

    @property
    def pushed(self) -> int:
        return self.network.pushed

    @property
    def stepped(self) -> int:
        return self.network.stepped

    @property
    def hungry(self) -> bool:
        return self.network.waiting < PIECE_STEPS

    def count(self, message: wire.Credit, payload: bytes) -> int:
        return message.count

    def read(self, message: wire.Credit, payload: bytes) -> list[CreditedSteps]:
        first, self._position = self._position, self._position + message.count
        starts = range(first, self._position, PIECE_STEPS)
        return [CreditedSteps(at, min(PIECE_STEPS, self._position - at), self.options) for at in starts]

    def control(self, values: dict[str, Any]) -> dict[str, Any]:
        # Before the first step nothing has begun, and all that an Open may say may be said.
        before = self.options if self._position else None
        given = values if self._position else self.options | values
        self.options = self.feeder.parse(given, before)
        return with_format(self.feeder, self.options)

    def skipped(self, count: int) -> list[CreditedSteps]:
        raise WireError("unsupported", "no step of a generator can be lost", "type")

    def changed(self) -> list[CreditedSteps]:
        return [CreditedSteps(self._position, 0, self.options)]

    def push(self, piece: CreditedSteps, seq: int) -> list[Mark]:
        self._reached = piece.options
        if not piece.num_steps:
            return []
        self.network.push(self.feeder.steps(piece.options, piece.start, piece.num_steps))
        self._ends.append((piece.start + piece.num_steps, seq))
        return []

    def flush(self, seq: int) -> list[Mark]:
        return []

    def close(self, seq: int) -> list[Mark]:
        self.network.close()
        return []

    def save(self) -> bytes:
        return msgspec.msgpack.encode((self._reached, list(self._ends)))

    def restore(self, saved: bytes) -> None:
        self.options, ends = msgspec.msgpack.decode(saved, type=tuple[dict[str, Any], list[tuple[int, int]]])
        self._reached, self._position, self._ends = self.options, self.network.pushed, deque(ends)

    def heard(self, rows: int) -> int:
        return min(self.network.geometry.steps_for(rows) if rows else 0, self.network.pushed)

    def cause(self, rows: int) -> int:
        self._drop(self.heard(rows))
        return self._ends[0][1]

    def forget(self) -> None:
        self._drop(self.heard(max(0, self.network.true_rows)))

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        return alternatives(event, round)

    def _drop(self, position: int) -> None:
        while len(self._ends) > 1 and self._ends[0][0] < position:
            self._ends.popleft()


def with_format(feeder: ComposerFeeder, options: dict[str, Any]) -> dict[str, Any]:
    """The options that an owner is answered with: in `format` what turns the notes of steps into sound."""
    form = {
        "encoding": "notes",
        "steps_per_beat": feeder.defaults.steps_per_beat,
        "voices": {voice.name: compass(voice) for voice in feeder.voices},
        "semitones": feeder.transposition(options),
    }
    return options | {"format": form}


def compass(voice: Voice) -> list[int]:
    """The lowest and the highest note of a voice; zeros of one of chords, which takes none."""
    return [voice.lowest, voice.lowest + voice.count - 1] if voice.lowest else [0, 0]
