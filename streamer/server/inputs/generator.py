"""Generators: streams that ask for steps and are given them. The options in force make each step."""

from collections import deque
from typing import Any, NamedTuple

from streamer import wire
from streamer.models.feeders.composer import ComposerFeeder
from streamer.models.feeders.text import Mark
from streamer.models.music.notation import Voice
from streamer.models.readers import Event
from streamer.runtime.lane import Geometry, Lane
from streamer.server.inputs.intake import rows_of
from streamer.server.inputs.kinds import Chosen, Times
from streamer.server.inputs.places import alternatives
from streamer.server.session import Limits

WINDOW_STEPS = 1024  # that may be asked for and not yet be made
ACK_STEPS = 64
PATIENCE = 4.0  # what is played has a lead, and wide steps cost little more than narrow ones
PIECE_STEPS = 32  # made at once: who asks for many holds up no other stream


class Asked(NamedTuple):
    """Steps from `start` on, and the options that were in force when they were asked for."""

    start: int
    count: int
    options: dict[str, Any]


class GeneratorIntake:
    """Credit, to the network's lane. A position is a step.

    Law: a step's input is a function of its position and of the options in force there alone.
    """

    takes = (wire.Credit, wire.Control)
    front = None
    grain = 1

    def __init__(self, feeder: ComposerFeeder, options: dict[str, Any], network: Lane):
        self.feeder, self.options, self.network = feeder, options, network
        self._position = 0  # after the credit read
        # Where each credit that is pushed ended, so that a result can name the one that it needed.
        self._ends: deque[tuple[int, int]] = deque()

    @property
    def stepped(self) -> int:
        return self.network.stepped

    @property
    def hungry(self) -> bool:
        return self.network.waiting < PIECE_STEPS

    def count(self, message: wire.Credit, payload: bytes) -> int:
        return message.count

    def read(self, message: wire.Credit, payload: bytes) -> list[Asked]:
        first, self._position = self._position, self._position + message.count
        starts = range(first, self._position, PIECE_STEPS)
        return [Asked(at, min(PIECE_STEPS, self._position - at), self.options) for at in starts]

    def control(self, values: dict[str, Any]) -> dict[str, Any]:
        # Before the first step nothing has begun, and all that an Open may say may be said.
        before = self.options if self._position else None
        given = values if self._position else self.options | values
        self.options = self.feeder.parse(given, before)
        return told(self.feeder, self.options)

    def skipped(self, count: int) -> list:
        raise ValueError("no step of a generator can be lost")

    def push(self, item: Asked, seq: int) -> list[Mark]:
        self.network.push(self.feeder.steps(item.options, item.start, item.count))
        self._ends.append((item.start + item.count, seq))
        return []

    def flush(self, seq: int) -> list[Mark]:
        return []

    def close(self, seq: int) -> list[Mark]:
        self.network.close()
        return []

    def heard(self, rows: int) -> int:
        return min(self.network.geometry.steps_for(rows) if rows else 0, self.network.pushed)

    def cause(self, rows: int) -> int:
        self._drop(self.heard(rows))
        return self._ends[0][1]

    def forget(self) -> None:
        self._drop(self.heard(max(0, rows_of(self.network))))

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        return alternatives(event, round)

    def _drop(self, position: int) -> None:
        while len(self._ends) > 1 and self._ends[0][0] < position:
            self._ends.popleft()


class GeneratorInput:
    """Nothing but credit, and options that may change between steps."""

    kind, encodings, rates = "generator", (), ()
    patience, spare_blocks = PATIENCE, 0

    def __init__(self, feeder: ComposerFeeder):
        self.feeder, self.option_names = feeder, tuple(feeder.option_names)

    def parse(self, given: dict[str, Any]) -> Chosen:
        options = self.feeder.parse({name: given[name] for name in self.option_names if name in given})
        return Chosen(None, options)

    def usual(self) -> Chosen:
        return self.parse({})

    def in_force(self, chosen: Chosen) -> dict[str, Any]:
        return told(self.feeder, chosen.options)

    def latency_ms(self, chosen: Chosen, network: Geometry) -> float:
        return 0.0

    def limits(self, chosen: Chosen, times: Times) -> Limits:
        return Limits(WINDOW_STEPS, ACK_STEPS, 0)

    def open(self, row: int, chosen: Chosen) -> None:
        return  # there is no front

    def intake(self, row: int, chosen: Chosen, network: Geometry) -> GeneratorIntake:
        return GeneratorIntake(self.feeder, chosen.options, Lane(network, row))


def told(feeder: ComposerFeeder, options: dict[str, Any]) -> dict[str, Any]:
    """What an owner is told: the options, and in `format` what turns the notes of steps into sound."""
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
