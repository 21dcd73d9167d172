"""Readers: from a network's output rows to words and events. No torch here."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec
import numpy as np

Kind = Literal["partial", "final", "speech_start", "speech_stop"]


class EventWord(msgspec.Struct, frozen=True):
    """A word and when it was said, in output rows since the stream began; `label` says what it is."""

    text: str
    start: float
    end: float
    confidence: float
    label: str = ""


class EventAlternative(msgspec.Struct, frozen=True):
    """One reading of an utterance."""

    text: str
    words: tuple[EventWord, ...]
    confidence: float


class Event(msgspec.Struct, frozen=True):
    """What a reader emits after `through` output rows of the stream.

    The first `confirmed` characters of the first alternative's text never change again.
    """

    kind: Kind
    utterance: int
    through: int
    alternatives: tuple[EventAlternative, ...] = ()
    confirmed: int = 0


class InputMark(Protocol):
    """What an input step of text stands for, and the output row that it gives.

    `kind` is "token" for a word's first step, "piece" for its others, "empty" after a sentence's end;
    `start` and `end` are bytes of the text.
    """

    @property
    def text(self) -> str: ...

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def kind(self) -> str: ...


class Reader(Protocol):
    """Reads a model's output rows; like an arena, it holds one row of fixed-size state per stream.

    A reader of n streams has the rows 1 to n; row 0 belongs to no stream.
    Law: a stream's events are a function of its options, its marks and its output rows alone, however
    the rows were cut and whoever shared the call.
    """

    @property
    def option_names(self) -> tuple[str, ...]:
        """The options that a stream may set."""

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""

    def marks(self, row: int, marks: Sequence[InputMark]) -> None:
        """Take what the next output rows stand for, before `read` brings them.

        A reader of sound is given no marks, and needs no method of its own.
        """
        return

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""

    def finish(self, row: int) -> list[Event]:
        """The events that are left after the stream's last output row."""

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the utterance with outputs [m, D] drained from a copy of the network.

        The next m rows that `read` brings stand for the same times and are counted, not read.
        """

    def save(self, row: int) -> bytes:
        """The row's whole state, as a plain value."""

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote, in this reader or another of the same card."""
