"""Text: running, or already split into words; its feeder makes the network's steps."""

from collections import deque
from typing import Any, NamedTuple

import msgspec

from streamer import wire
from streamer.errors import WireError
from streamer.models.feeders.encoders import Reading
from streamer.models.feeders.text import Mark, TextFeeder, TextFormat, TextSteps, text_format
from streamer.models.readers import Event
from streamer.models.text.utf8 import decoded
from streamer.runtime.geometry import Geometry
from streamer.runtime.lane import Lane
from streamer.server.inputs.intake import InputKind, Intake, Limits, Times, alternatives

WINDOW_BYTES = 256 * 1024
ACK_BYTES = 1  # each input of a typist is acknowledged once it is done with
PIECE_BYTES = 4096  # that become steps at once: a long text holds up no other stream
ENOUGH_STEPS = 512  # that wait for the network; until they went through, no more text becomes steps
# About a sentence: its last steps come all at once, and one of two streams takes as long as one of ten.
SPARE_BLOCKS = 64
# A sentence's end is ten steps and more, one after another, and each of them would wait so long.
PATIENCE = 0.1


class TextChoice(NamedTuple):
    """How a stream's text is written, and the options of what encodes it."""

    format: TextFormat
    options: dict[str, Any]


class TextInput(InputKind[TextChoice]):
    """Text as `reading` takes it."""

    kind, encodings, rates = "text", wire.TEXT_ENCODINGS, ()
    takes = (wire.Text,)
    patience, spare_blocks, marked = PATIENCE, SPARE_BLOCKS, True

    def __init__(self, reading: Reading):
        self.reading = reading
        self.option_names = ("format", *reading.encoder.option_names)

    def parse(self, given: dict[str, Any]) -> TextChoice:
        names = self.reading.encoder.option_names
        options = self.reading.encoder.parse({name: given[name] for name in names if name in given})
        return TextChoice(text_format(given.get("format", {})), options)

    def usual(self) -> TextChoice:
        return self.parse({})

    def in_force(self, choice: TextChoice) -> dict[str, Any]:
        form = {"encoding": choice.format.encoding, "tokens": choice.format.tokens}
        return {"format": form} | choice.options

    def latency_ms(self, choice: TextChoice, network: Geometry) -> float:
        return 0.0

    def open(self, choice: TextChoice, network: Lane, times: Times) -> "TextIntake":
        reading = self.reading._replace(encoder=self.reading.encoder.opened(choice.options))
        return TextIntake(TextFeeder(choice.format, reading), network)


class TextIntake(Intake[wire.Text, bytes]):
    """Words and what comes with them, to the network's lane. A position is a byte of UTF-8."""

    takes = TextInput.takes
    front = None
    grain = 1
    pushed = 0

    def __init__(self, feeder: TextFeeder, network: Lane):
        self.feeder, self.network = feeder, network
        self.limits = Limits(WINDOW_BYTES, ACK_BYTES, 0)
        self._position, self._half = 0, b""  # of what was read
        self._known: deque[tuple[int, int]] = deque()  # of each step whose row may be asked for: bytes, seq
        self._first = 0  # the number of the first of them

    @property
    def stepped(self) -> int:
        return self.pushed  # few steps wait for the network

    @property
    def hungry(self) -> bool:
        return self.network.waiting < ENOUGH_STEPS

    def count(self, message: wire.Text, payload: bytes) -> int:
        return len(payload)

    def read(self, message: wire.Text, payload: bytes) -> list[bytes]:
        _, self._half = decoded(payload, self._half, self._position)
        self._position += len(payload)
        return [payload[at : at + PIECE_BYTES] for at in range(0, len(payload), PIECE_BYTES)]

    def skipped(self, count: int) -> list[bytes]:
        raise WireError("unsupported", "no part of a text may be lost; send it again", "type")

    def push(self, piece: bytes, seq: int) -> list[Mark]:
        self.pushed += len(piece)
        return self._step(self.feeder.feed(piece), seq)

    def flush(self, seq: int) -> list[Mark]:
        return self._step(self.feeder.end_sentence(), seq)

    def close(self, seq: int) -> list[Mark]:
        marks = self._step(self.feeder.end_text(), seq)
        self.network.close()
        return marks

    def save(self) -> bytes:
        return msgspec.msgpack.encode((self.feeder.save(), self.pushed, list(self._known), self._first))

    def restore(self, saved: bytes) -> None:
        feeder, self.pushed, known, self._first = msgspec.msgpack.decode(
            saved, type=tuple[bytes, int, list[tuple[int, int]], int]
        )
        self.feeder.restore(feeder)
        self._known = deque(known)
        self._position, self._half = self.pushed, self.feeder.half

    def heard(self, rows: int) -> int:
        return self._of(rows)[0]

    def cause(self, rows: int) -> int:
        return self._of(rows)[1]

    def forget(self) -> None:
        self._drop(self.network.true_rows)

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        return alternatives(event, round)

    def _step(self, steps: TextSteps, seq: int) -> list[Mark]:
        self.network.push(steps.x)
        self._known += ((mark.known, seq) for mark in steps.marks)
        return steps.marks

    def _of(self, rows: int) -> tuple[int, int]:
        """Of the step that the last of `rows` rows needed: the bytes that made it known, and their seq."""
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
