"""A client's side of one stream, without a socket: it numbers, keeps and repeats inputs, and checks results.

The caller sends what `audio`, `flush`, ... and `due` return and gives every answer to `take`.
"""

import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from streamer import wire
from streamer.clients.notices import Applied, Derived, Gap, Notice, Refusal, Rejected, Restarted, StreamOver
from streamer.clients.retransmission import RetransmissionQueue
from streamer.clients.stream_format import Payload, StreamFormat

Parts = Sequence[bytes | memoryview]
T = TypeVar("T")
MAX_FRAME_BYTES = 64 * 1024
MAX_NOTICES = 100
# A server that is silent for this long, while it is waited for, is asked again.
PATIENCE_S = 1.0
# Inputs that were on their way when one of them was refused are refused too, for the same hole:
# for this long they don't cause another repetition.
SAME_HOLE_S = 0.25
LEAST_PAUSE_S = 0.02


class StreamProtocol:
    """One stream of a client, through reconnections and new servers.

    Law: what is kept never exceeds the window, and every input is taken once, in order.
    """

    def __init__(self, model: str, options: dict[str, Any], publish: bool = True):
        """ValueError for options that no server takes, because they are too long."""
        # Whoever repeats the request is given the stream, so it must not be guessed.
        self.request = wire.Open(request=uuid.uuid4().hex, model=model, options=options, publish=publish)
        size = len(wire.encode(self.request)[0])
        if size > wire.MAX_HEADER_BYTES:  # no server could tell whose it is, and refuse it
            raise ValueError(
                f"options of {size} bytes; at most {wire.MAX_HEADER_BYTES} are taken, "
                "so give fewer or shorter ones"
            )
        self.opened: wire.Opened | None = None
        self.format = StreamFormat.of(model, {})  # the one in force, once the stream is open
        self.closed: wire.Closed | None = None
        self.refusal: Refusal | None = None
        self.results: deque[wire.Result] = deque()
        self.notices: deque[Notice] = deque(maxlen=MAX_NOTICES)
        self.derived: deque[Derived] = deque()
        self.fed: dict[bytes, str] = {}  # streams that the server feeds with this one's finals: their models
        self.closing = False
        self.heard_at = 0.0
        self._kept = RetransmissionQueue()
        self._accepted = self._limit = 0  # the last input taken; the position that may be reached
        self._before = 0  # positions of the streams that a server lost
        self._last_result = 0
        self._repeat_from = 0  # seq; 0 when there is nothing to repeat
        self._repeat_at = 0.0
        self._repeated = (0, 0.0)  # the last repetition: from which seq, when
        self._asked_at = 0.0
        self._open_due, self._ack_due = True, False

    @property
    def position(self) -> int:
        """Positions given so far, over all restarts."""
        return self._before + self._kept.position

    @property
    def in_force(self) -> wire.Opened:
        """`opened`, of a stream that the server has opened."""
        assert self.opened is not None, "the server has not opened the stream yet"
        return self.opened

    @property
    def free(self) -> int:
        """Positions that may be sent now."""
        return max(0, self._limit - self._kept.position) if self.opened else 0

    def fits(self, count: int) -> bool:
        """Whether `count` positions may be sent now."""
        return count <= self.free

    @property
    def repeat_at(self) -> float | None:
        """When a repetition is due; None when none is."""
        return self._repeat_at if self._repeat_from else None

    @property
    def kept(self) -> int:
        """Positions that were sent and not yet taken."""
        return self._kept.position - self._kept.accepted_position

    def pieces(self, given: Payload) -> Iterator[bytes]:
        """What is sent, as the payloads of inputs: each a frame, and half a window, at most.

        TypeError and ValueError as `StreamFormat.encode`.
        """
        encoded, position_bytes = self.format.encode(given), self.format.position_bytes
        step = position_bytes * min(MAX_FRAME_BYTES // position_bytes, self._half_window)
        for begin in range(0, len(encoded), step):
            # A copy: it is kept until the server has it, and the caller may reuse its buffer.
            yield bytes(encoded[begin : begin + step])

    def credits(self, count: int) -> Iterator[int]:
        """`count` steps, in parts of half a window at most.

        ValueError below 0, TypeError of a stream that is no generator's.
        """
        if not self.format.is_credit:
            raise TypeError(f"{self.request.model} is no generator: send it what it reads")
        if count < 0:
            raise ValueError(f"a credit of {count} steps; steps that were asked for are not taken back")
        yield from (min(self._half_window, count - start) for start in range(0, count, self._half_window))

    def take_results(self) -> list[wire.Result]:
        """The results since the last call."""
        return _drained(self.results)

    def take_notices(self) -> list[Notice]:
        """The notices since the last call."""
        return _drained(self.notices)

    def take_derived(self) -> list[Derived]:
        """The results of fed models since the last call."""
        return _drained(self.derived)

    @property
    def _half_window(self) -> int:
        return max(1, self.in_force.window // 2)

    def input(self, payload: bytes) -> Parts:
        """The next samples, or the next of the text."""
        kind = wire.Text if self.format.is_text else wire.Audio
        message = kind(**self._next(), start=self._kept.position)
        return self._keep(message, payload, self.positions(payload))

    def positions(self, payload: bytes) -> int:
        """How many positions a payload has."""
        return len(payload) // self.format.position_bytes

    def skip(self, count: int) -> Parts:
        """`count` positions are lost."""
        return self._keep(wire.Skip(**self._next(), start=self._kept.position, count=count), None, count)

    def credit(self, count: int) -> Parts:
        """A generator may make `count` more steps."""
        return self._keep(wire.Credit(**self._next(), count=count), None, count)

    def control(self, values: dict[str, Any]) -> Parts:
        """Options are to change: the notice `Applied` follows, or `Rejected`."""
        return self._keep(wire.Control(**self._next(), values=values))

    def flush(self) -> Parts:
        return self._keep(wire.Flush(**self._next()))

    def close(self) -> Parts:
        parts = self._keep(wire.Close(**self._next()))
        self.closing = True
        return parts

    def due(self, now: float, waiting_since: float) -> list[Parts]:
        """What to send again at `now`, the caller having waited since `waiting_since`."""
        again: list[Parts] = []
        silent_since = max(self.heard_at, self._asked_at, waiting_since)
        if self._open_due or (not self.closed and now - silent_since >= PATIENCE_S):
            self._open_due, self._asked_at = False, now
            # A Close that was taken is asked for again: an Open would begin another stream.
            finished = self.closing and not self.kept
            again.append(
                wire.encode(wire.Close(**self._ids(), seq=self._kept.seq) if finished else self.request)
            )
        if self._ack_due:
            # The Ack that opened the window may be lost. An input that was taken is answered with
            # another one, whatever it holds.
            self._ack_due = False
            again.append(wire.encode(wire.Flush(**self._ids(), seq=self._accepted)))
        if self._repeat_from and now >= self._repeat_at:
            again += self._repetition(now)
        return again

    def take(self, message: wire.Output, now: float) -> None:
        """Take one answer of the server that is for this stream."""
        self.heard_at = now
        if self.closed:
            return
        if isinstance(message, wire.Result):
            self._accept(message.accepted)
            self._count(message.seq)
            if message.seq > self._last_result:
                self._last_result = message.seq
                self.results.append(message)
        elif isinstance(message, wire.Ack):
            self._accept(message.accepted)
            self._limit = max(self._limit, self._kept.accepted_position + message.window)
        elif isinstance(message, wire.Opened):
            self._open(message, now)
        elif isinstance(message, wire.Applied):
            self.notices.append(Applied(message.stream, self._before + message.from_, message.options))
        elif isinstance(message, wire.Closed):
            self._count(message.results + 1)
            self.closed = message
        elif isinstance(message, wire.Refused):
            self._refuse(message, now)

    def take_fed(self, message: wire.Output) -> None:
        """Take an answer that is for a stream which this one feeds."""
        if isinstance(message, wire.Opened):
            self.fed[message.stream] = message.model
        elif isinstance(message, wire.Result) and message.stream in self.fed:
            self.derived.append(Derived(self.fed[message.stream], message))
        elif isinstance(message, wire.Closed):
            self.fed.pop(message.stream, None)

    def answered(self) -> bool:
        """Whether the server has opened the stream; raises what it refused."""
        self.check()
        return self.opened is not None

    @property
    def ended(self) -> wire.Closed:
        """`closed`, of a stream that is over."""
        assert self.closed is not None, "the stream is not over yet"
        return self.closed

    def check(self) -> None:
        """Raise what the server refused, if it did."""
        if self.refusal:
            raise self.refusal

    def _next(self) -> dict[str, Any]:
        if self.closed:
            raise StreamOver(f"the stream is over: {self.closed.reason}")
        if self.closing:
            raise StreamOver("the stream is closed; open another one")
        self.check()
        return {**self._ids(), "seq": self._kept.seq + 1}

    def _ids(self) -> dict[str, bytes]:
        return {"stream": self.in_force.stream, "owner": self.in_force.owner}

    def _keep(self, message: wire.StreamInput, payload: bytes | None = None, count: int = 0) -> Parts:
        self._kept.add(message, payload, count)
        return wire.encode(message, payload)

    def _accept(self, seq: int) -> None:
        self._kept.accept(seq)
        self._accepted = max(self._accepted, seq)

    def _count(self, seq: int) -> None:
        """Report the results that are missing before result `seq`."""
        if seq > self._last_result + 1:
            self.notices.append(Gap(self.in_force.stream, self._last_result + 1, seq - 1))
            self._last_result = seq - 1

    def _open(self, opened: wire.Opened, now: float) -> None:
        before, self.opened = self.opened, opened
        options = opened.options if opened.options.get("format") else self.request.options
        self.format = StreamFormat.of(self.request.model, options)
        if before is None:
            self._limit = opened.window
        elif before.stream != opened.stream:
            self._restart(before, opened)
        if self._kept:
            self._repeat(self._kept.first, now)
        self._ack_due = not self._kept and self._accepted > 0

    def _restart(self, before: wire.Opened, opened: wire.Opened) -> None:
        """Number what the lost stream had not taken as the beginning of the new one."""
        self._before += self._kept.restart(self._ids())
        self._accepted = self._last_result = 0
        self.fed.clear()  # lost with it; what it feeds from now on is told next
        self._limit, self._repeated = opened.window, (0, 0.0)
        self.notices.append(Restarted(before.stream, opened.stream, self._before))

    def _refuse(self, refused: wire.Refused, now: float) -> None:
        missing = (refused.code == "hole" and refused.field != "start") or refused.code == "overrun"
        if missing and refused.expected > self._accepted:
            pause = max(refused.retry_after_ms / 1000, LEAST_PAUSE_S) if refused.code == "overrun" else 0.0
            self._accept(refused.expected - 1)
            again, when = self._repeated
            if refused.code == "overrun" or refused.expected != again or now - when > SAME_HOLE_S:
                self._repeat(refused.expected, now + pause)
        elif refused.code == "unknown_stream" and self.closing and not self.kept:
            # It closed, and its Closed was lost on the way.
            self.closed = wire.Closed(self.in_force.stream, "lost", self._last_result, self._kept.position)
        elif refused.code == "unknown_stream":
            # Every input that was on its way is refused; one request is enough.
            self._open_due = now - self._asked_at > SAME_HOLE_S
        elif refused.code == "bad_option" and (control := self._kept.withdraw(refused.expected)):
            if control.values:  # else it was refused twice: it was repeated before the refusal came
                self.notices.append(Rejected(control.stream, control.values, refused))
            self._repeat(refused.expected, now)
        elif refused.code == "draining" and self.opened:
            # A stream that was open hears its own end; asking again was too early.
            return
        else:
            self.refusal = Refusal(refused)

    def _repeat(self, seq: int, when: float) -> None:
        if not self._repeat_from or when > self._repeat_at:
            self._repeat_at = when
        self._repeat_from = min(seq, self._repeat_from or seq)

    def _repetition(self, now: float) -> list[Parts]:
        """The kept inputs from `_repeat_from` on."""
        first, self._repeat_from = self._repeat_from, 0
        self._repeated = (first, now)
        return [wire.encode(sent.message, sent.payload) for sent in self._kept.since(first)]


def _drained(queue: deque[T]) -> list[T]:
    return [queue.popleft() for _ in range(len(queue))]
