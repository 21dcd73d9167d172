"""A client's side of one stream, without a socket: what to send, and what an answer means.

The caller sends what `audio`, `flush`, ... and `due` return and gives every answer to `take`.
"""

import uuid
from typing import Any

from msgspec.structs import replace

from streamer import wire
from streamer.clients.inbox import Inbox
from streamer.clients.keeping import NOTHING, Keeping
from streamer.clients.lifeline import Lifeline, Parts
from streamer.clients.notices import (
    Applied,
    Refusal,
    Rejected,
    Restarted,
    Resumed,
    StreamOver,
)
from streamer.clients.outbox import SAME_HOLE_S, Outbox
from streamer.clients.stream_format import StreamFormat


class StreamProtocol:
    """One stream of a client, through reconnections and new servers."""

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
        self.lifeline, self.inbox = Lifeline(origin), Inbox()
        self._outbox = Outbox(StreamFormat.of(model, {}), keeping)
        self.opened: wire.Opened | None = None
        self.closed: wire.Closed | None = None
        self.refusal: Refusal | None = None
        self.closing = False
        self.heard_at = 0.0
        self._before = 0  # positions of the streams that a server lost
        self._leased = False  # whether it ends because nothing was sent for too long

    @property
    def request(self) -> wire.Open:
        """What the stream was asked for with."""
        return self.lifeline.origin

    @property
    def format(self) -> StreamFormat:
        """The one in force, once the stream is open."""
        return self._outbox.format

    @property
    def fed(self) -> dict[bytes, str]:
        """The streams that the server feeds with this one's finals: their models."""
        return self.inbox.fed.models

    @property
    def position(self) -> int:
        """Positions given so far, over all restarts."""
        return self._before + self._outbox.queue.position

    @property
    def in_force(self) -> wire.Opened:
        """`opened`, of a stream that the server has opened."""
        assert self.opened is not None, "the server has not opened the stream yet"
        return self.opened

    @property
    def free(self) -> int:
        """Positions that may be sent now."""
        return self._outbox.free if self.opened and not self.lifeline.parted else 0

    def fits(self, count: int) -> bool:
        """Whether `count` positions may be sent now."""
        return count <= self.free

    @property
    def repeat_at(self) -> float | None:
        """When a repetition is due; None when none is."""
        return self._outbox.repeat_at

    @property
    def kept(self) -> int:
        """Positions that were sent and not yet taken."""
        return self._outbox.untaken

    def input(self, payload: bytes) -> Parts:
        """The next samples, or the next of the text."""
        kind = wire.Text if self.format.is_text else wire.Audio
        message = kind(**self._next(), start=self._outbox.queue.position)
        return self._outbox.add(message, payload, self.format.positions(payload))

    def skip(self, count: int) -> Parts:
        """`count` positions are lost."""
        message = wire.Skip(**self._next(), start=self._outbox.queue.position, count=count)
        return self._outbox.add(message, None, count)

    def credit(self, count: int) -> Parts:
        """A generator may make `count` more steps."""
        return self._outbox.add(wire.Credit(**self._next(), count=count), None, count)

    def control(self, values: dict[str, Any]) -> Parts:
        """Options are to change: the notice `Applied` follows, or `Rejected`."""
        return self._outbox.add(wire.Control(**self._next(), values=values))

    def flush(self) -> Parts:
        return self._outbox.add(wire.Flush(**self._next()))

    def close(self) -> Parts:
        parts = self._outbox.add(wire.Close(**self._next()))
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
                again.append(wire.encode(wire.Close(**self._ids(), seq=self._outbox.queue.seq)))
            else:
                again.append(self.lifeline.ask(self.opened, now))
        if self.opened is None or self.lifeline.parted:
            return again
        return again + self._outbox.due(now, self._ids()) + self.inbox.requests(self.opened, now)

    def part(self, now: float) -> None:
        """The server is gone, for now."""
        queue = self._outbox.queue
        self.lifeline.part(now, queue.accepted, queue.unaccepted)

    def take(self, message: wire.Output, payload: bytes, now: float) -> None:
        """Take one answer of the server that is for this stream."""
        self.heard_at = now
        if self.closed or self._of_another_life(message):
            return
        match message:
            case wire.Result():
                self._outbox.accept(message.accepted)
                self.inbox.take(message)
            case wire.Ack():
                self._outbox.accept(message.accepted)
                self._outbox.open_window(message.window)
            case wire.Opened():
                self._open(message, now)
            case wire.Applied():
                self.inbox.notices.append(
                    Applied(message.stream, self._before + message.from_, message.options)
                )
            case wire.Closed():
                self.inbox.end(message)
            case wire.Refused():
                self._refuse(message, now)
            case wire.Checkpoint() if payload:
                self._cover(message, payload)
            case wire.Moved() if payload:
                self._cover(message, payload)
                self._move(message, now)
            case wire.Replayed():
                self.inbox.not_kept(message)
        self._look_for_end()

    def take_fed(self, message: wire.Output) -> None:
        """Take an answer that is for a stream which this one feeds."""
        self.inbox.take_fed(message)
        self._look_for_end()

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
        return {**self._ids(), "seq": self._outbox.queue.seq + 1}

    def _ids(self) -> dict[str, bytes]:
        return {"stream": self.in_force.stream, "owner": self.in_force.owner}

    def _of_another_life(self, message: wire.Output) -> bool:
        """Whether it comes from a server that has the stream no more."""
        if not isinstance(message, wire.Result | wire.Closed | wire.Checkpoint | wire.Moved):
            return False
        return self.opened is not None and message.incarnation != self.opened.incarnation

    def _open(self, opened: wire.Opened, now: float) -> None:
        before, self.opened = self.opened, opened
        options = opened.options if opened.options.get("format") else self.request.options
        self._outbox.begin(StreamFormat.of(self.request.model, options), opened)
        self.inbox.replays = "replay" in opened.features
        parted = self.lifeline.parted
        self.lifeline.found(now)
        if before is None:
            self._outbox.first_window(opened.window)
        elif before.stream != opened.stream:
            self._restart(before, opened)
        elif before.incarnation == opened.incarnation:
            self._reattach(opened, parted)
        elif opened.covered + 1 < self._outbox.queue.first:
            # It begins where nothing is kept any more: only a new stream can take what is.
            self.lifeline.begin_anew()
            return
        else:
            self._outbox.go_back(opened)
            self.inbox.begin_again()
            self.inbox.notices.append(Resumed(opened.stream, self._outbox.lost_s(), opened.fresh))
        self._outbox.resend(now)

    def _reattach(self, opened: wire.Opened, parted: bool) -> None:
        """It was there all the time."""
        self.lifeline.attached()
        self._outbox.accept(opened.covered)
        if parted and opened.checkpoint_ms:
            self.inbox.notices.append(Resumed(opened.stream))
        self.inbox.expect(opened.results)

    def _restart(self, before: wire.Opened, opened: wire.Opened) -> None:
        """What is kept is the beginning of a new stream.

        Where that is all there was, it says the same again; else its positions and utterances start anew.
        """
        self.inbox.fed.clear()  # lost with it; what it feeds from now on is told next
        gone = self._outbox.restart(self._ids(), opened.window)
        self._before += gone
        if opened.checkpoint_ms and not gone:
            self.inbox.begin_again()
            self.inbox.notices.append(Resumed(opened.stream, self._outbox.lost_s()))
        else:
            self.inbox.restart()
            self.inbox.notices.append(Restarted(before.stream, opened.stream, self._before))

    def _cover(self, checkpoint: wire.Checkpoint | wire.Moved, payload: bytes) -> None:
        if checkpoint.results > self.inbox.last:
            return  # results before it lack: an older one, after which they are said again, is better
        self.lifeline.hold(checkpoint, payload)
        # From the end of an utterance on sound is kept: a server with other weights begins there.
        self._outbox.cover(checkpoint.covered, whole=checkpoint.ended)

    def _move(self, moved: wire.Moved, now: float) -> None:
        """It is not there any more: it goes on elsewhere, unless its owner had nothing more to send."""
        queue = self._outbox.queue
        self.lifeline.part(now, queue.accepted, beyond=False)
        if moved.reason == "lease" and not queue.unaccepted and not self.closing:
            self._leased = True  # its last words are still to come
            self.close()

    def _look_for_end(self) -> None:
        with_fed = bool(self.inbox.replays and self._outbox.queue.covering)
        if ended := self.inbox.ended(with_fed):
            self.closed = replace(ended, reason="lease") if self._leased else ended

    def _refuse(self, refused: wire.Refused, now: float) -> None:
        queue = self._outbox.queue
        missing = (refused.code == "hole" and refused.field != "start") or refused.code == "overrun"
        resuming = self.lifeline.parted and self.opened and not missing
        if resuming and refused.code != "unknown_stream":
            if not self.lifeline.refused(refused, now, may_begin_fresh=bool(self.format.rate_hz)):
                self.refusal = Refusal(refused)
        elif missing and (refused.expected > queue.accepted or queue.expect_again(refused.expected)):
            self._outbox.missed(refused, now)
        elif refused.code == "unknown_stream" and self._closed_unheard:
            # It closed, and its Closed was lost on the way.
            self.inbox.end(wire.Closed(self.in_force.stream, "lost", self.inbox.last, queue.position))
        elif refused.code == "unknown_stream":
            # Every input that was on its way is refused; one request is enough.
            if now - self.lifeline.asked_at > SAME_HOLE_S:
                self.part(now)
        elif refused.code == "bad_option" and (control := self._outbox.withdraw(refused.expected, now)):
            if control.values:  # else it was refused twice: it was repeated before the refusal came
                self.inbox.notices.append(Rejected(control.stream, control.values, refused))
        elif refused.code == "draining" and self.opened:
            # A stream that was open hears its own end; asking again was too early.
            return
        else:
            self.refusal = Refusal(refused)

    @property
    def _closed_unheard(self) -> bool:
        """Whether all is taken and only the end lacks, of a stream that can't be resumed."""
        return self.closing and not self.kept and not self._outbox.queue.covering
