"""What a client has sent and the server does not hold for good: kept in order, to be sent again."""

from collections import deque
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from streamer import wire


class SentInput(Struct):
    """An input that is kept, of `count` positions from `start` on."""

    message: wire.StreamInput
    payload: bytes | None
    start: int
    count: int

    def without(self, cut: int, position_bytes: int) -> "SentInput":
        """The input without its first `cut` positions, which the server holds."""
        message, payload = self.message, self.payload
        if not cut:
            return self
        if isinstance(message, wire.Audio | wire.Text | wire.Skip):
            message = replace(message, start=self.start + cut)
        if isinstance(message, wire.Skip | wire.Credit):
            message = replace(message, count=self.count - cut)
        if payload is not None:
            payload = payload[cut * position_bytes :]
        return SentInput(message, payload, self.start + cut, self.count - cut)


class RetransmissionQueue:
    """The inputs of one stream, numbered from 1. Law: they follow each other, in `seq` and in position.

    One is kept until it is accepted or, where checkpoints are `covering`, until `drop`.
    """

    def __init__(self) -> None:
        self.covering = False
        self.position_bytes = 1
        self.seq = self.position = 0  # of the last input sent, and after it
        self.accepted = 0  # the last input that the server has taken
        self.num_bytes = 0  # of payload that is kept
        self._inputs: deque[SentInput] = deque()
        self._held = (0, 0)  # a number and how many positions of that input the server began with
        self._given_up = 0  # the position up to which no sound is kept

    @property
    def unaccepted(self) -> bool:
        """Whether the server has not taken all."""
        return self.seq > self.accepted

    @property
    def first(self) -> int:
        """The number of the first input that is kept, or of the next one."""
        return self._inputs[0].message.seq if self._inputs else self.seq + 1

    @property
    def begin(self) -> int:
        """The position where the inputs that are kept begin."""
        return self._inputs[0].start if self._inputs else self.position

    @property
    def span(self) -> int:
        """Positions from the oldest sound that is kept on."""
        return self.position - max(self.begin, self._given_up)

    @property
    def accepted_position(self) -> int:
        """The position up to which the server has accepted all inputs."""
        index = max(0, self.accepted + 1 - self.first)
        if index >= len(self._inputs):
            return self.position
        seq, held = self._held
        return self._inputs[index].start + (held if seq == self.accepted + 1 else 0)

    def add(self, message: wire.StreamInput, payload: bytes | None, count: int) -> None:
        """Keep an input with the next number, of `count` positions."""
        self._inputs.append(SentInput(message, payload, self.position, count))
        self.seq, self.position = message.seq, self.position + count
        self.num_bytes += len(payload or b"")

    def accept(self, seq: int) -> None:
        """The server has accepted the inputs up to `seq`."""
        self.accepted = max(self.accepted, min(seq, self.seq))
        if not self.covering:
            self.drop(self.accepted)

    def expect_again(self, seq: int) -> bool:
        """The server has taken less than it seemed, nothing from `seq` on: whether all that is kept."""
        if self.covering and self.first <= seq <= self.seq:
            self.accepted = seq - 1
            return True
        return False

    def drop(self, seq: int) -> None:
        """The inputs up to `seq` need never be sent again."""
        while self._inputs and self._inputs[0].message.seq <= seq:
            self.num_bytes -= len(self._inputs.popleft().payload or b"")

    def go_back(self, seq: int, offset: int) -> None:
        """The server holds the inputs up to `seq`, `offset` positions of the next one, and no more."""
        self.accepted, self._held = seq, (seq + 1, offset)

    def since(self, seq: int) -> Iterator[SentInput]:
        """The inputs from number `seq` on, without what the server began with."""
        begun, held = self._held
        for sent in self._inputs:
            if sent.message.seq >= seq:
                yield sent.without(held, self.position_bytes) if sent.message.seq == begun else sent

    def give_up_oldest(self) -> int:
        """Keep the oldest sound no longer: a `Skip` stands for it. Its positions; 0 where there is none."""
        for sent in self._inputs:
            message = sent.message
            if isinstance(message, wire.Audio):
                self.num_bytes -= len(sent.payload or b"")
                sent.message = wire.Skip(message.stream, message.owner, message.seq, sent.start, sent.count)
                sent.payload = None
                self._given_up = sent.start + sent.count
                return sent.count
        return 0

    def withdraw(self, seq: int) -> wire.Control | None:
        """Take back the values of the `Control` with number `seq`, and return it; None where `seq` is none.

        Its number must be filled: a Control without values stays, which changes nothing.
        """
        for sent in self._inputs:
            if sent.message.seq == seq and isinstance(sent.message, wire.Control):
                control = sent.message
                sent.message = replace(control, values={})
                return control
        return None

    def restart(self, ids: dict[str, bytes]) -> int:
        """Number what is kept as the beginning of the stream `ids`; return the positions before it."""
        before = self.begin
        for seq, sent in enumerate(self._inputs, start=1):
            sent.start -= before
            start = {"start": sent.start} if hasattr(sent.message, "start") else {}
            sent.message = replace(sent.message, **ids, seq=seq, **start)
        self.seq, self.position, self.accepted = len(self._inputs), self.position - before, 0
        self._held, self._given_up = (0, 0), max(0, self._given_up - before)
        return before
