"""The inputs of one stream on their way: numbered, kept, repeated, within the window and within bounds."""

from math import inf

from streamer import wire
from streamer.clients.keeping import Keeping
from streamer.clients.lifeline import Parts
from streamer.clients.retransmission import RetransmissionQueue
from streamer.clients.stream_format import StreamFormat

# Inputs that were on their way when one of them was refused are refused too, for the same hole:
# for this long they don't cause another repetition.
SAME_HOLE_S = 0.25
LEAST_PAUSE_S = 0.02


class Outbox:
    """Law: every input is taken once, in order, by whichever server has the stream."""

    def __init__(self, format: StreamFormat, keeping: Keeping):
        self.format, self.keeping = format, keeping
        self.queue = RetransmissionQueue()
        self._limit = 0  # the position that may be reached
        self._lost = 0  # positions that were given up since the last checkpoint
        self._resumable = 0  # the last input that the newest checkpoint holds
        self._repeat_from = 0  # seq; 0 when there is nothing to repeat
        self._repeat_at = 0.0
        self._repeated = (0, 0.0)  # the last repetition: from which seq, when
        self._ack_due = False

    @property
    def free(self) -> int:
        """Positions that the window has room for."""
        return max(0, self._limit - self.queue.position)

    @property
    def untaken(self) -> int:
        """Positions that were sent and not yet taken."""
        return self.queue.position - self.queue.accepted_position

    @property
    def repeat_at(self) -> float | None:
        """When a repetition is due; None when none is."""
        return self._repeat_at if self._repeat_from else None

    def add(self, message: wire.StreamInput, payload: bytes | None = None, count: int = 0) -> Parts:
        """Keep the next input, of `count` positions; its parts."""
        self.queue.add(message, payload, count)
        while self.queue.covering and self._too_much():
            self._give_up_oldest()
        return wire.encode(message, payload)

    def accept(self, seq: int) -> None:
        """The server has taken the inputs up to `seq`."""
        self.queue.accept(seq)

    def open_window(self, window: int) -> None:
        """So many positions may follow what was taken."""
        self._limit = max(self._limit, self.queue.accepted_position + window)

    def begin(self, format: StreamFormat, opened: wire.Opened) -> None:
        """The stream has opened, in `format`."""
        self.format = format
        self.queue.covering, self.queue.position_bytes = opened.checkpoint_ms > 0, format.position_bytes

    def first_window(self, window: int) -> None:
        """The window of a stream that begins."""
        self._limit = window

    def cover(self, covered: int, whole: bool) -> None:
        """A checkpoint holds the inputs up to `covered`; `whole`: nothing before it can be wanted again."""
        self._resumable, self._lost = covered, 0
        self.accept(covered)
        if whole or not self.format.rate_hz:
            self.queue.drop(covered)

    def go_back(self, opened: wire.Opened) -> None:
        """Another server has the stream as `opened` says: what came after is sent to it."""
        self.queue.go_back(opened.covered, opened.offset)
        self._limit, self._repeated = self.queue.accepted_position + opened.window, (0, 0.0)

    def restart(self, ids: dict[str, bytes], window: int) -> int:
        """Number what is kept as the beginning of the stream `ids`; the positions that are not kept."""
        before = self.queue.restart(ids)
        self._resumable, self._limit, self._repeated = 0, window, (0, 0.0)
        return before

    def resend(self, now: float) -> None:
        """The server is there again: what it has not taken is due, or how much more it takes to be asked."""
        if self.queue.unaccepted:
            self._repeat(self.queue.accepted + 1, now)
        self._ack_due = not self.queue.unaccepted and self.queue.accepted > 0

    def lost_s(self) -> float:
        """The seconds of sound that were given up and are wanted now."""
        lost, self._lost = self._lost, 0
        return lost / self.format.rate_hz if self.format.rate_hz else 0.0

    def missed(self, refused: wire.Refused, now: float) -> None:
        """A hole, or too much at once: what is expected is sent again."""
        busy = refused.code == "overrun"
        pause = max(refused.retry_after_ms / 1000, LEAST_PAUSE_S) if busy else 0.0
        self.accept(refused.expected - 1)
        again, when = self._repeated
        if busy or refused.expected != again or now - when > SAME_HOLE_S:
            self._repeat(refused.expected, now + pause)

    def withdraw(self, seq: int, now: float) -> wire.Control | None:
        """Take back the `Control` with number `seq`, which was refused; None where it is none."""
        control = self.queue.withdraw(seq)
        if control:
            self._repeat(seq, now)
        return control

    def due(self, now: float, ids: dict[str, bytes]) -> list[Parts]:
        """What to send again to the stream `ids`."""
        again: list[Parts] = []
        if self._ack_due:
            # The Ack that opened the window may be lost. An input that was taken is answered with
            # another one, whatever it holds.
            self._ack_due = False
            again.append(wire.encode(wire.Flush(**ids, seq=self.queue.accepted)))
        if self._repeat_from and now >= self._repeat_at:
            first, self._repeat_from = self._repeat_from, 0
            self._repeated = (first, now)
            again += [wire.encode(sent.message, sent.payload) for sent in self.queue.since(first)]
        return again

    def _repeat(self, seq: int, when: float) -> None:
        if not self._repeat_from or when > self._repeat_at:
            self._repeat_at = when
        self._repeat_from = min(seq, self._repeat_from or seq)

    def _too_much(self) -> bool:
        """Whether more sound is kept than may be."""
        most = self.keeping.most_s * self.format.rate_hz
        return bool(self.queue.num_bytes) and (
            self.queue.num_bytes > self.keeping.most_bytes or 0 < most < self.queue.span
        )

    def _give_up_oldest(self) -> None:
        """What a checkpoint holds goes first; sound beyond that is lost if the server dies now."""
        if self.queue.first <= self._resumable:
            self.queue.drop(self.queue.first)
        elif count := self.queue.give_up_oldest():
            self._lost += count
        else:  # there is no sound among it, and nothing else can be lost
            self.keeping = self.keeping._replace(most_s=inf, most_bytes=2**62)
