"""A client's side of one stream, without a socket: it numbers, keeps and repeats inputs, and orders results.

The caller sends what `audio`, `flush`, ... and `due` return and gives every answer to `take`.
"""

import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from streamer import wire
from streamer.clients.fed_streams import FedStreams
from streamer.clients.lifeline import Lifeline, Parts
from streamer.clients.notices import (
    Applied,
    Derived,
    Diverged,
    Gap,
    Notice,
    Refusal,
    Rejected,
    Restarted,
    Resumed,
    StreamOver,
)
from streamer.clients.result_order import ResultOrder
from streamer.clients.retransmission import RetransmissionQueue
from streamer.clients.stream_format import Payload, StreamFormat

T = TypeVar("T")
MAX_FRAME_BYTES = 64 * 1024
MAX_NOTICES = 100
# Inputs that were on their way when one of them was refused are refused too, for the same hole:
# for this long they don't cause another repetition.
SAME_HOLE_S = 0.25
LEAST_PAUSE_S = 0.02
# Results that lack are asked for so often, and then given up.
REPLAY_S, MOST_REPLAYS = 1.0, 20
CHECKPOINT_MS = 2000


class Keeping(NamedTuple):
    """How much of its input a client keeps for the case that its server dies.

    `checkpoint_ms` is how often the server is asked for a checkpoint, 0 for never: then inputs are kept
    until they are accepted. Sound beyond the bounds is given up, the oldest first.
    """

    checkpoint_ms: int = CHECKPOINT_MS
    most_s: float = 600.0
    most_bytes: int = 64 * 2**20


NOTHING = Keeping(0)
KEEPING = Keeping()
RECONNECT_S = 60.0  # that a server may be away


class StreamProtocol:
    """One stream of a client, through reconnections and new servers.

    Law: every input is taken once, in order, and every result given once, in order.
    """

    def __init__(self, model: str, options: dict[str, Any], publish: bool = True, keeping: Keeping = NOTHING):
        """ValueError for options that no server takes, because they are too long."""
        # Whoever repeats the request is given the stream, so it must not be guessed.
        origin = wire.Open(
            uuid.uuid4().hex, model, options=options, publish=publish, checkpoint_ms=keeping.checkpoint_ms
        )
        size = len(wire.encode(origin)[0])
        if size > wire.MAX_HEADER_BYTES:  # no server could tell whose it is, and refuse it
            raise ValueError(
                f"options of {size} bytes; at most {wire.MAX_HEADER_BYTES} are taken, "
                "so give fewer or shorter ones"
            )
        self.lifeline, self.keeping = Lifeline(origin), keeping
        self.opened: wire.Opened | None = None
        self.format = StreamFormat.of(model, {})  # the one in force, once the stream is open
        self.closed: wire.Closed | None = None
        self.refusal: Refusal | None = None
        self.results: deque[wire.Result] = deque()
        self.notices: deque[Notice] = deque(maxlen=MAX_NOTICES)
        self.derived: deque[Derived] = deque()
        self.closing = False
        self.heard_at = 0.0
        self._fed = FedStreams()
        self._order = ResultOrder()
        self._kept = RetransmissionQueue()
        self._limit = 0  # the position that may be reached
        self._before = 0  # positions of the streams that a server lost
        self._lost = 0  # positions that were given up since the last checkpoint
        self._resumable = 0  # the last input that the newest checkpoint holds
        self._ending: wire.Closed | None = None  # how it ended, while results before that lack
        self._replay_at, self._replays = 0.0, 0
        self._repeat_from = 0  # seq; 0 when there is nothing to repeat
        self._repeat_at = 0.0
        self._repeated = (0, 0.0)  # the last repetition: from which seq, when
        self._ack_due = False
        self._leased = False  # whether it ends because nothing was sent for too long

    @property
    def request(self) -> wire.Open:
        """What the stream was asked for with."""
        return self.lifeline.origin

    @property
    def fed(self) -> dict[bytes, str]:
        """The streams that the server feeds with this one's finals: their models."""
        return self._fed.models

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
        return max(0, self._limit - self._kept.position) if self.opened and not self.lifeline.parted else 0

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
        if self.closed:
            return []
        again: list[Parts] = []
        if self.lifeline.due(now, max(self.heard_at, waiting_since)):
            if self._closed_unheard:
                # A Close that was taken is asked for again: an Open would begin another stream.
                self.lifeline.asked_at = now
                again.append(wire.encode(wire.Close(**self._ids(), seq=self._kept.seq)))
            else:
                again.append(self.lifeline.ask(self.opened, now))
        if self.lifeline.parted:
            return again
        if self._ack_due:
            # The Ack that opened the window may be lost. An input that was taken is answered with
            # another one, whatever it holds.
            self._ack_due = False
            again.append(wire.encode(wire.Flush(**self._ids(), seq=self._kept.accepted)))
        if self._repeat_from and now >= self._repeat_at:
            again += self._repetition(now)
        again += self._replay_requests(now)
        return again

    def part(self, now: float) -> None:
        """The server is gone, for now."""
        self.lifeline.part(now, self._kept.accepted, self._kept.unaccepted)

    def take(self, message: wire.Output, payload: bytes, now: float) -> None:
        """Take one answer of the server that is for this stream."""
        self.heard_at = now
        if self.closed or self._of_another_life(message):
            return
        match message:
            case wire.Result():
                self._accept(message.accepted)
                self._give(self._order.take(message, self._replays_are_kept))
            case wire.Ack():
                self._accept(message.accepted)
                self._limit = max(self._limit, self._kept.accepted_position + message.window)
            case wire.Opened():
                self._open(message, now)
            case wire.Applied():
                self.notices.append(Applied(message.stream, self._before + message.from_, message.options))
            case wire.Closed():
                self._close(message)
            case wire.Refused():
                self._refuse(message, now)
            case wire.Checkpoint() | wire.Moved() if payload:
                self._cover(message, payload)
                if isinstance(message, wire.Moved):
                    self._move(message, now)
            case wire.Replayed():
                # What is not kept any more never comes.
                self._give(self._order.settle(message.stream, message.first))
        if self._ending:
            self._close(self._ending)

    def take_fed(self, message: wire.Output) -> None:
        """Take an answer that is for a stream which this one feeds."""
        self._derive(self._fed.take(message, self._replays_are_kept))
        if self._ending:
            self._close(self._ending)

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
        while self._kept.covering and self._too_much():
            self._give_up_oldest()
        return wire.encode(message, payload)

    def _too_much(self) -> bool:
        """Whether more sound is kept than may be."""
        most = self.keeping.most_s * self.format.rate_hz
        return bool(self._kept.num_bytes) and (
            self._kept.num_bytes > self.keeping.most_bytes or 0 < most < self._kept.span
        )

    def _give_up_oldest(self) -> None:
        """What a checkpoint holds goes first; sound beyond that is lost if the server dies now."""
        if self._kept.first <= self._resumable:
            self._kept.drop(self._kept.first)
        elif count := self._kept.give_up_oldest():
            self._lost += count
        else:  # there is no sound among it, and nothing else can be lost
            self.keeping = self.keeping._replace(most_s=inf, most_bytes=2**62)

    def _accept(self, seq: int) -> None:
        self._kept.accept(seq)

    def _give(self, news: Iterable[wire.Result | Notice]) -> None:
        for one in news:
            if isinstance(one, wire.Result):
                self.results.append(one)
            else:
                self.notices.append(one)

    def _derive(self, news: Iterable[Derived | Gap | Diverged]) -> None:
        for one in news:
            if isinstance(one, Derived):
                self.derived.append(one)
            else:
                self.notices.append(one)

    @property
    def _replays_are_kept(self) -> bool:
        """Whether results that lack can be asked for."""
        return bool(self.opened and "replay" in self.opened.features)

    def _of_another_life(self, message: wire.Output) -> bool:
        """Whether it comes from a server that has the stream no more."""
        if (
            not isinstance(message, wire.Result | wire.Closed | wire.Checkpoint | wire.Moved)
            or not self.opened
        ):
            return False
        return message.incarnation != self.opened.incarnation

    def _open(self, opened: wire.Opened, now: float) -> None:
        before, self.opened = self.opened, opened
        options = opened.options if opened.options.get("format") else self.request.options
        self.format = StreamFormat.of(self.request.model, options)
        parted = self.lifeline.parted
        self.lifeline.found(now)
        self._kept.covering = opened.checkpoint_ms > 0
        self._kept.position_bytes = self.format.position_bytes
        if before is None:
            self._limit = opened.window
        elif before.stream != opened.stream:
            self._restart(before, opened)
        elif before.incarnation != opened.incarnation and opened.covered + 1 < self._kept.first:
            # It begins where nothing is kept any more: only a new stream can take what is.
            self.lifeline.begin_anew()
            return
        elif before.incarnation != opened.incarnation:
            self._resume(opened)
        else:
            self.lifeline.attached()
            self._accept(opened.covered)
            if parted and self._kept.covering:
                self.notices.append(Resumed(opened.stream))
            if self._replays_are_kept:
                self._order.expect(opened.results)
        if self._kept.unaccepted:
            self._repeat(self._kept.accepted + 1, now)
        self._ack_due = not self._kept.unaccepted and self._kept.accepted > 0

    def _resume(self, opened: wire.Opened) -> None:
        """It goes on elsewhere from its checkpoint: what came after is sent, and said, again."""
        self._kept.go_back(opened.covered, opened.offset)
        self._order.begin_again()
        self._ending = None
        self._limit, self._repeated = self._kept.accepted_position + opened.window, (0, 0.0)
        self.notices.append(Resumed(opened.stream, self._lost_s(), opened.fresh))

    def _restart(self, before: wire.Opened, opened: wire.Opened) -> None:
        """Number what is kept as the beginning of the new stream.

        Where that is all there was, it says the same again; else its positions and utterances start anew.
        """
        self._fed.clear()  # lost with it; what it feeds from now on is told next
        lost_positions = self._kept.restart(self._ids())
        self._before += lost_positions
        self._resumable = 0
        self._limit, self._repeated = opened.window, (0, 0.0)
        self._ending = None
        if self._kept.covering and not lost_positions:
            self._order.begin_again()
            self.notices.append(Resumed(opened.stream, self._lost_s()))
            return
        self._order = ResultOrder()
        self.notices.append(Restarted(before.stream, opened.stream, self._before))

    def _move(self, moved: wire.Moved, now: float) -> None:
        """It is not there any more: it goes on elsewhere, unless its owner had nothing more to send."""
        self.lifeline.part(now, self._kept.accepted, beyond=False)
        if moved.reason == "lease" and not self._kept.unaccepted and not self.closing:
            self._leased = True  # its last words are still to come
            self.close()

    def _lost_s(self) -> float:
        """The seconds of sound that are lost now."""
        lost, self._lost = self._lost, 0
        return lost / self.format.rate_hz if self.format.rate_hz else 0.0

    def _cover(self, checkpoint: wire.Checkpoint | wire.Moved, payload: bytes) -> None:
        if checkpoint.results > self._order.last:
            return  # results before it lack: an older one, after which they are said again, is better
        self.lifeline.hold(checkpoint, payload)
        self._resumable, self._lost = checkpoint.covered, 0
        self._accept(checkpoint.covered)
        if checkpoint.ended or not self.format.rate_hz:
            # From the end of an utterance on sound is kept: a server with other weights begins there.
            self._kept.drop(checkpoint.covered)

    def _close(self, message: wire.Closed) -> None:
        """It is over once the results before its end, and the streams that it fed, are."""
        if self._leased:
            message = replace(message, reason="lease")
        self._ending = message
        waits = self._replays_are_kept
        self._order.expect(message.results)
        if not waits:
            self._give(self._order.settle(message.stream))
        if not self._order.missing and not (self._kept.covering and self._fed.models):
            self.closed, self._ending = message, None

    def _replay_requests(self, now: float) -> list[Parts]:
        """What lacks is asked for at once, and again; what was often asked for is given up."""
        wanted = [(self.in_force.stream, self._order.missing)] if self._order.missing else []
        wanted += self._fed.missing()
        if not wanted or not self._replays_are_kept:
            self._replay_at, self._replays = 0.0, 0
            return []
        if now < self._replay_at:
            return []
        self._replay_at, self._replays = now + REPLAY_S, self._replays + 1
        if self._replays > MOST_REPLAYS:
            self._give(self._order.settle(self.in_force.stream))
            self._derive(self._fed.settle())
        owner = self.in_force.owner
        return [wire.encode(wire.Replay(stream, first, owner)) for stream, first in wanted]

    def _refuse(self, refused: wire.Refused, now: float) -> None:
        missing = (refused.code == "hole" and refused.field != "start") or refused.code == "overrun"
        if self.lifeline.parted and self.opened and not missing and refused.code != "unknown_stream":
            if not self.lifeline.refused(refused, now, may_begin_fresh=bool(self.format.rate_hz)):
                self.refusal = Refusal(refused)
        elif missing and refused.expected > self._kept.accepted:
            pause = max(refused.retry_after_ms / 1000, LEAST_PAUSE_S) if refused.code == "overrun" else 0.0
            self._accept(refused.expected - 1)
            again, when = self._repeated
            if refused.code == "overrun" or refused.expected != again or now - when > SAME_HOLE_S:
                self._repeat(refused.expected, now + pause)
        elif refused.code == "unknown_stream" and self._closed_unheard:
            # It closed, and its Closed was lost on the way.
            self._close(wire.Closed(self.in_force.stream, "lost", self._order.last, self._kept.position))
        elif refused.code == "unknown_stream":
            # Every input that was on its way is refused; one request is enough.
            if now - self.lifeline.asked_at > SAME_HOLE_S:
                self.lifeline.part(now, self._kept.accepted, self._kept.unaccepted)
        elif refused.code == "bad_option" and (control := self._kept.withdraw(refused.expected)):
            if control.values:  # else it was refused twice: it was repeated before the refusal came
                self.notices.append(Rejected(control.stream, control.values, refused))
            self._repeat(refused.expected, now)
        elif refused.code == "draining" and self.opened:
            # A stream that was open hears its own end; asking again was too early.
            return
        else:
            self.refusal = Refusal(refused)

    @property
    def _closed_unheard(self) -> bool:
        """Whether all is taken and only the end lacks, of a stream that can't be resumed."""
        return self.closing and not self.kept and not self._kept.covering

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
