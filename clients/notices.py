"""What a client tells its user beside results, and the errors that it raises."""

from dataclasses import dataclass
from typing import Any

from streamer import wire


@dataclass(frozen=True)
class Gap:
    """Results `first` to `last` of a stream never arrived."""

    stream: bytes
    first: int
    last: int


@dataclass(frozen=True)
class Restarted:
    """The server had lost the stream, so a new one goes on where its accepted input ended.

    Its state, utterances and positions start afresh: what was sent at `position` of the lost stream is
    position 0 of the new `stream`.
    """

    lost: bytes
    stream: bytes
    position: int


@dataclass(frozen=True)
class Resumed:
    """The stream goes on where it was, on another server or over another connection; nothing was lost.

    `lost_s` seconds of sound were, where more had been said in the meantime than is kept. With `fresh` the
    model is another one now, which began anew at the last end of an utterance.
    """

    stream: bytes
    lost_s: float = 0.0
    fresh: bool = False


@dataclass(frozen=True)
class Diverged:
    """Result `seq` was said again after a resumption, and was `now` what it had been `before`."""

    stream: bytes
    seq: int
    before: str
    now: str


@dataclass(frozen=True)
class Applied:
    """`options` are in force from `position` on."""

    stream: bytes
    position: int
    options: dict[str, Any]


@dataclass(frozen=True)
class Derived:
    """A result of a model that the server feeds with a stream's finals; its positions are bytes of these."""

    model: str
    result: wire.Result

    @property
    def final(self) -> int:
        """Which of the finals with words, counted from 1, the result is about."""
        return (self.result.accepted + 1) // 2


@dataclass(frozen=True)
class Rejected:
    """The server refused to change options to `values`; nothing has changed, and the stream goes on."""

    stream: bytes
    values: dict[str, Any]
    refused: wire.Refused


Notice = Gap | Restarted | Resumed | Diverged | Applied | Rejected


class NoServer(ConnectionError):
    """Nobody answers at the address; the message is one line and names it."""


class Refusal(Exception):
    """The server refused; `refused` is its message, with `code` and `field`."""

    def __init__(self, refused: wire.Refused):
        where = f" ({refused.field})" if refused.field else ""
        super().__init__(f"{refused.code}: {refused.message}{where}")
        self.refused = refused

    @property
    def code(self) -> str:
        return self.refused.code


class StreamOver(Exception):
    """An input for a stream that is closed; the message says why it closed."""
