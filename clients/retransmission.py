"""What a client has sent and the server has not accepted: kept in order, to be sent again."""

from collections import deque
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from streamer import wire


class SentInput(Struct):
    """An input that is kept until the server has accepted it, and the position where it began."""

    message: wire.StreamInput
    payload: bytes | None
    start: int


class RetransmissionQueue:
    """The inputs of one stream, numbered from 1. Law: they follow each other, in `seq` and in position."""

    def __init__(self) -> None:
        self.seq = self.position = 0  # of the last input sent, and after it
        self._inputs: deque[SentInput] = deque()

    def __bool__(self) -> bool:
        return bool(self._inputs)

    @property
    def first(self) -> int:
        """The number of the first input that is kept."""
        return self._inputs[0].message.seq

    @property
    def accepted_position(self) -> int:
        """The position up to which the server has accepted all inputs."""
        return self._inputs[0].start if self._inputs else self.position

    def add(self, message: wire.StreamInput, payload: bytes | None, count: int) -> None:
        """Keep an input with the next number, of `count` positions."""
        self._inputs.append(SentInput(message, payload, self.position))
        self.seq, self.position = message.seq, self.position + count

    def accept(self, seq: int) -> None:
        """The server has accepted the inputs up to `seq`."""
        while self._inputs and self._inputs[0].message.seq <= seq:
            self._inputs.popleft()

    def since(self, seq: int) -> Iterator[SentInput]:
        """The inputs from number `seq` on."""
        return (sent for sent in self._inputs if sent.message.seq >= seq)

    def withdraw(self, seq: int) -> wire.Control | None:
        """Take back the values of the `Control` with number `seq`, and return it; None where `seq` is none.

        Its number must be filled: a Control without values stays, which changes nothing.
        """
        for sent in self.since(seq):
            if sent.message.seq == seq and isinstance(sent.message, wire.Control):
                control = sent.message
                sent.message = replace(control, values={})
                return control
        return None

    def restart(self, ids: dict[str, bytes]) -> int:
        """Number what is kept as the beginning of the stream `ids`; return the positions accepted before."""
        before = self.accepted_position
        for seq, sent in enumerate(self._inputs, start=1):
            sent.start -= before
            start = {"start": sent.start} if hasattr(sent.message, "start") else {}
            sent.message = replace(sent.message, **ids, seq=seq, **start)
        self.seq, self.position = len(self._inputs), self.position - before
        return before
