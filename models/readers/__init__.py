"""Readers: from a network's output rows to words and events. No torch here."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec
import numpy as np

Kind = Literal["partial", "final", "speech_start", "speech_stop"]


class Word(msgspec.Struct, frozen=True):
    """A word and when it was said, in output rows since the stream began; `label` says what it is."""

    text: str
    start: float
    end: float
    confidence: float
    label: str = ""


class Alternative(msgspec.Struct, frozen=True):
    """One reading of an utterance."""

    text: str
    words: tuple[Word, ...]
    confidence: float


class Event(msgspec.Struct, frozen=True):
    """What a reader has to tell after `through` output rows of the stream.

    The first `confirmed` characters of the first alternative's text never change again.
    """

    kind: Kind
    utterance: int
    through: int
    alternatives: tuple[Alternative, ...] = ()
    confirmed: int = 0


class Reader(Protocol):
    """Reads a model's output rows; like an arena, one row of fixed-size state per stream.

    Law: a stream's events are a function of its options and its output rows alone, however the
    rows were cut and whoever shared the call.
    """

    @property
    def option_names(self) -> tuple[str, ...]:
        """The options that a stream may set."""

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""

    def finish(self, row: int) -> list[Event]:
        """What is still to be told after the stream's last output row."""

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the utterance with outputs [m, D] drained from a copy of the network.

        The next m rows that `read` brings are the same instants and are counted, not read.
        """

    def save(self, row: int) -> bytes:
        """The row's whole condition."""

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote."""
