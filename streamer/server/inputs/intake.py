"""The contract of an input: its kind, of which a model has one, and its intake, of which a stream has one.

No torch here.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from streamer import wire
from streamer.errors import WireError
from streamer.models.feeders.text import Mark
from streamer.models.readers import Event
from streamer.runtime.geometry import Geometry
from streamer.runtime.lane import Lane
from streamer.runtime.runner import Runner

Message = TypeVar("Message", bound=wire.StreamInput, contravariant=True)
InputPiece = TypeVar("InputPiece")
Choice = TypeVar("Choice")


class Times(NamedTuple):
    """What a server allows a stream, in milliseconds of sound."""

    window_ms: int
    max_skip_ms: int


class Limits(NamedTuple):
    """What a stream may ask of the server, in its own positions."""

    window: int  # positions that may be unprocessed
    ack: int  # positions after which an Ack is due
    skip: int  # positions that one Skip may declare lost


class Front(NamedTuple):
    """The stage before the network: the runner that all streams of a rate share, and one stream's lane."""

    runner: Runner
    lane: Lane


class Intake(Protocol[Message, InputPiece]):
    """How one stream's inputs become its network's steps, and where an output row lies in them.

    `Message` is the input that carries content, `InputPiece` a part of one, ready for a lane. PayloadError,
    OptionError and WireError are the peer's faults; any other exception is ours.
    Law: what the lanes get is a function of the inputs alone, however they were cut.
    """

    takes: tuple[type[wire.StreamInput], ...]  # the messages that mean something to it
    front: Front | None  # None where inputs become the network's steps by themselves
    network: Lane
    limits: Limits
    grain: int  # positions, fewer than which change nothing

    @property
    def pushed(self) -> int:
        """Positions that the lanes were given."""

    @property
    def stepped(self) -> int:
        """Positions that have been stepped."""

    @property
    def hungry(self) -> bool:
        """Whether more may be pushed now."""

    def count(self, message: Message, payload: bytes) -> int:
        """The positions that an input brings. PayloadError for a part of one."""

    def read(self, message: Message, payload: bytes) -> Sequence[InputPiece]:
        """The pieces of an input. PayloadError where it holds nothing that can be read."""

    def control(self, values: dict[str, Any]) -> dict[str, Any]:
        """The options in force after what was read, `values` among them. OptionError; then nothing changes.

        WireError where none can change.
        """
        raise WireError("unsupported", "no option of a running stream can change", "type")

    def changed(self) -> Sequence[InputPiece]:
        """The pieces of the last `control`: they bring no position."""
        return ()

    def skipped(self, count: int) -> Sequence[InputPiece]:
        """The pieces of `count` lost positions. WireError where none may be lost."""

    def push(self, piece: InputPiece, seq: int) -> list[Mark]:
        """Give the lanes a piece of input `seq`; the marks of the network's new steps."""

    def flush(self, seq: int) -> list[Mark]:
        """The utterance ends here, by input `seq`."""

    def close(self, seq: int) -> list[Mark]:
        """No more comes, by input `seq`."""

    def save(self) -> bytes:
        """What it keeps beside its lanes, of what was pushed so far, as a plain value."""

    def restore(self, saved: bytes) -> None:
        """Go on where `save` was called, nothing having been read since; its lanes were restored.

        ValueError for a value of another kind of input.
        """

    def heard(self, rows: int) -> int:
        """The positions after which the first `rows` output rows are known, of those that came."""

    def cause(self, rows: int) -> int:
        """The seq of the input that made them known; `rows` never falls from call to call."""

    def forget(self) -> None:
        """Drop what no result can ask for any more: the results of all rows so far are out."""

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        """The event's readings, their places as positions."""


class InputKind(Protocol[Choice]):
    """What all streams of one model bring; `Choice` is what a stream's options say of it."""

    kind: str  # as `wire.ModelDescription.input` names it
    takes: tuple[type[wire.StreamInput], ...]
    patience: float  # how many times the engine's usual wait a step may wait for other streams
    spare_blocks: int  # of a stream that wait for its next turns, where other streams share the steps
    encodings: tuple[str, ...]
    rates: tuple[int, ...]
    option_names: tuple[str, ...]
    marked: bool  # whether the reader needs a mark for each row

    def parse(self, given: dict[str, Any]) -> Choice:
        """What `given` chooses of the input's own options. OptionError for a bad one."""

    def usual(self) -> Choice:
        """What most streams choose."""

    def in_force(self, choice: Choice) -> dict[str, Any]:
        """The options that a stream is answered with."""

    def latency_ms(self, choice: Choice, network: Geometry) -> float:
        """From the beginning of a sound until its first output row is known; 0 of text."""

    def open(self, choice: Choice, network: Lane, times: Times) -> Intake[Any, Any]:
        """A stream begins in the row of its lane `network`."""


def alternatives(event: Event, at: Callable[[float], int]) -> tuple[wire.Alternative, ...]:
    """The event's readings for the wire; `at` maps a reader's place to a position."""
    return tuple(
        wire.Alternative(
            reading.text,
            tuple(wire.Word(w.text, at(w.start), at(w.end), w.confidence, w.label) for w in reading.words),
            reading.confidence,
        )
        for reading in event.alternatives
    )
