"""What a client gave and the server has not taken: kept in order, to be repeated or to begin anew."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from streamer import wire


class Sent(Struct):
    """An input that is kept until the server has taken it, and the position where it began."""

    message: Any
    payload: bytes | None
    start: int


class Kept:
    """The inputs of one stream, numbered from 1. Law: they follow each other, in `seq` and in position."""

    def __init__(self) -> None:
        self.seq = self.position = 0  # of the last input given, and after it
        self._inputs: deque[Sent] = deque()

    def __bool__(self) -> bool:
        return bool(self._inputs)

    @property
    def first(self) -> int:
        """The number of the first that is kept."""
        return self._inputs[0].message.seq

    @property
    def taken(self) -> int:
        """The position that the server has taken all inputs up to."""
        return self._inputs[0].start if self._inputs else self.position

    def add(self, message: Any, payload: bytes | None, count: int) -> None:
        """An input with the next number, of `count` positions, is given."""
        self._inputs.append(Sent(message, payload, self.position))
        self.seq, self.position = message.seq, self.position + count

    def accept(self, seq: int) -> None:
        """The server has taken the inputs up to `seq`."""
        while self._inputs and self._inputs[0].message.seq <= seq:
            self._inputs.popleft()

    def since(self, seq: int) -> Iterator[Sent]:
        """Those from number `seq` on."""
        return (sent for sent in self._inputs if sent.message.seq >= seq)

    def withdraw(self, seq: int) -> wire.Control | None:
        """Take back what the `Control` with number `seq` says, and return it; None where that is none.

        Its number must be filled: a Control without values is left, which changes nothing.
        """
        for sent in self.since(seq):
            if sent.message.seq == seq and isinstance(sent.message, wire.Control):
                message = sent.message
                sent.message = replace(message, values={})
                return message
        return None

    def begin(self, ids: dict[str, bytes]) -> int:
        """Number what is kept as the beginning of the stream `ids`; how many positions were taken before."""
        lost = self.taken
        for seq, sent in enumerate(self._inputs, start=1):
            sent.start -= lost
            changed = {**ids, "seq": seq} | ({"start": sent.start} if hasattr(sent.message, "start") else {})
            sent.message = replace(sent.message, **changed)
        self.seq, self.position = len(self._inputs), self.position - lost
        return lost
