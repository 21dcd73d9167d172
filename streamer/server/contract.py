"""What the loop drives: messages of peers go in, messages to peers come out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from streamer import wire

# Characters of a request that whoever repeats it is given the stream for, on any connection.
UNGUESSABLE = 16


class Outgoing(NamedTuple):
    """A message and the peer that it goes to; a stream's condition, unsealed, with those that have one."""

    peer: bytes
    message: wire.Output
    condition: bytes = b""


class WireEngine(Protocol):
    """Takes messages and answers them; it has no socket, and its caller brings the time in seconds."""

    expired: Sequence[bytes] = ()  # the streams whose lease ran out in the last tick

    @property
    def due(self) -> float:
        """When the next tick has work to do; inf when nothing waits."""

    def receive(self, peer: bytes, message: wire.Input, payload: bytes, now: float) -> list[Outgoing]:
        """Take a message of `peer`; return the answers to send at once. A condition comes unsealed."""

    def expected(self, peer: bytes, stream: bytes) -> int:
        """The `seq` of the next input of `stream`, to the peer that it last came from; else 0."""
        return 0

    def tick(self, now: float) -> list[Outgoing]:
        """Do what is due; return the messages to send."""

    def drain(self, now: float) -> list[Outgoing]:
        """Refuse new streams from now on and close all."""
