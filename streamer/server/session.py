"""One stream: the order of its inputs, what waits, how far it came, where its answers go.

Plain values: no torch, no socket, no clock. Refusals are returned, not raised: a peer's fault is an
answer like any other.
"""

from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

from msgspec.structs import replace

from streamer import wire
from streamer.errors import OptionError, PayloadError, WireError
from streamer.models.feeders.text import Mark
from streamer.models.readers import Event
from streamer.server.conditions import Base, Standing
from streamer.server.inputs.intake import Intake


class FlushMark(NamedTuple):
    """A Flush, waiting for all that was sent before it."""

    seq: int


class FlushPoint(NamedTuple):
    """Where a Flush ends the utterance, for all that was sent before it."""

    seq: int


class Item(NamedTuple):
    """A piece of an input that began at position `start`, as the intake read it."""

    piece: Any
    seq: int
    start: int


class EndMark(NamedTuple):
    """The end of the stream, waiting for all that was sent before it."""

    seq: int
    reason: str


class Session:
    """A stream's condition between its first message and `Closed`.

    Law: what it gives its lanes, and so every result, is a function of the ordered inputs alone.
    """

    def __init__(
        self, origin: wire.Open, opened: wire.Opened, peer: bytes, intake: Intake[Any, Any], now: float
    ):
        self.origin, self.opened, self.intake, self.limits = origin, opened, intake, intake.limits
        self.asker = peer, origin.request  # who may hear `opened` again
        self.resumed_by = ""  # the request that made this incarnation
        self.peer = peer  # the connection that it last came by; answers go there
        self.front, self.network = intake.front, intake.network
        self.heard_at = now  # when its owner was last heard
        self.since = now  # when the oldest input came that waits
        self.accepted = 0  # seq of the last input taken
        self.position = 0  # after the inputs taken
        self.num_results = self.num_utterances = 0
        self.base = Base()
        self.saved_at = -inf  # when a checkpoint was last made
        self.spoke = False  # whether an utterance was said to its end since then
        self.ended = Standing()  # at the last checkpoint that was made at the end of an utterance
        self.at_end = True  # whether no word of the next utterance was said
        self.end: EndMark | None = None
        self.fault: Exception | None = None  # what the model's own code raised: the stream ends with it
        self._inbox: deque[Item | FlushPoint | FlushMark | EndMark] = deque()
        self._acked_position, self._acked_window = 0, self.limits.window
        self._begun = (0, 0)  # the input that a resumed stream had taken a part of, and how much

    @property
    def window(self) -> int:
        """Positions that may still be sent."""
        return max(0, self.limits.window - (self.position - self.base.position - self.intake.stepped))

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.fault is not None or self.network.drained

    @property
    def flushing(self) -> FlushMark | None:
        """The Flush whose turn it is, once everything before it was read."""
        mark = self._inbox[0] if self._inbox else None
        return mark if isinstance(mark, FlushMark) and not self._stepping else None

    @property
    def working(self) -> bool:
        """Whether something waits that a step or a flush can take on."""
        return bool(self._inbox or self._stepping or self.end)

    @property
    def _stepping(self) -> bool:
        return bool(self.network.blocks or (self.front and self.front.lane.blocks))

    @property
    def standing(self) -> Standing:
        """How far its lanes are, of what it has taken."""
        head = self._inbox[0] if self._inbox else None
        position = self.base.position + self.intake.pushed
        return Standing(
            head.seq - 1 if head else self.accepted,
            position - head.start if isinstance(head, Item) else 0,
            position,
            self.num_results,
            self.num_utterances,
        )

    def unread(self) -> list[bytes | None]:
        """What a stream of text has taken and its lanes were not given: texts, and None for a Flush."""
        unread: dict[int, bytes | None] = {}
        for item in self._inbox:
            if isinstance(item, Item):
                unread[item.seq] = (unread.get(item.seq) or b"") + item.piece
            elif isinstance(item, FlushMark):
                unread[item.seq] = None
        return list(unread.values())

    def stand(self, at: Standing, base: Base) -> None:
        """Go on from `at`; the lanes and the intake were restored, or begin at `base`."""
        self.base = base
        self.accepted, self.position = at.covered, at.position
        self.num_results, self.num_utterances = at.results, at.utterances
        self._acked_position = self.position
        self._begun = at.covered + 1, at.offset

    def receive(self, message: wire.StreamInput, payload: bytes, now: float) -> wire.Output | None:
        """Take one input of the owner; return the answer due at once: a refusal, an Ack of a repeat, Applied.

        Where the intake fails, `fault` holds what it raised.
        """
        if message.seq <= self.accepted:
            return self._ack()  # and the lease runs on: a repeat brings nothing
        self.heard_at = now
        if self.end:
            return self._refused("unknown_stream", "the stream has ended", fatal=True)
        if message.seq > self.accepted + 1:
            text = f"input {message.seq} came and {self.accepted + 1} did not; repeat from there"
            return self._refused("hole", text, field="seq")
        try:
            answer = self._take(message, payload)
        except PayloadError as error:
            return self._refused("bad_payload", str(error))
        except OptionError as error:
            return self._refused(error.code, str(error), error.field)
        except WireError as error:
            return self._refused(error.code, error.message, error.field)
        except Exception as error:
            self.fault = error
            return None
        if not isinstance(answer, wire.Refused):
            self.accepted = message.seq
        return answer

    def finish(self, reason: str) -> None:
        """End the stream after all that was taken, as if its owner had closed it."""
        if not self.end:
            self.end = EndMark(self.accepted, reason)
            self._inbox.append(self.end)

    def feed(self) -> list[Mark]:
        """Move what was taken into the lanes, up to the next Flush; marks of the network's new steps."""
        marks: list[Mark] = []
        while self._inbox and self.intake.hungry and not isinstance(self._inbox[0], FlushMark):
            match self._inbox.popleft():
                case Item(piece, seq, _):
                    marks += self.intake.push(piece, seq)
                case FlushPoint(seq):
                    marks += self.intake.flush(seq)
                case EndMark(seq):
                    marks += self.intake.close(seq)
        return marks

    def flushed(self) -> None:
        """The Flush at the head of the inbox is done."""
        mark = self._inbox.popleft()
        assert isinstance(mark, FlushMark)

    def results(self, events: Sequence[Event], mark: FlushMark | EndMark | None = None) -> list[wire.Result]:
        """Events as results, numbered; `mark` caused them, or the inputs themselves did."""
        results = []
        for number, event in enumerate(events, self.num_results + 1):
            heard = self.intake.heard(event.through)
            utterance = self.base.utterances + event.utterance
            alternatives = self.intake.alternatives(event, heard)
            results.append(
                wire.Result(
                    stream=self.opened.stream,
                    seq=number,
                    utterance=utterance,
                    kind=event.kind,
                    through=self.base.position + heard,
                    accepted=mark.seq if mark else self.intake.cause(event.through),
                    alternatives=_shifted(alternatives, self.base.position),
                    confirmed=event.confirmed,
                    incarnation=self.opened.incarnation,
                )
            )
            self.at_end = event.kind == "final"
            if self.at_end:
                self.num_utterances, self.spoke = utterance + 1, True
        self.num_results += len(results)
        return results

    def closed(self, reason: str) -> wire.Closed:
        """The stream's last message."""
        incarnation = self.opened.incarnation
        return wire.Closed(self.opened.stream, reason, self.num_results, self.position, incarnation)

    def refused_by_fault(self) -> wire.Refused:
        """What the owner of a stream is told whose model failed."""
        text = f"{self.opened.model} failed and the stream can't go on; open a new one"
        return self._refused("fault", text, fatal=True)

    def due_ack(self) -> wire.Ack | None:
        """An Ack if enough input was taken, or enough of the window opened, since the last one.

        The owner of a stream that waits for it knows its whole window.
        """
        if self.position - self._acked_position < self.limits.ack:
            enough = self.limits.ack if self.working else self.intake.grain
            if self.window - self._acked_window < enough:
                return None
        return self._ack()

    def _take(self, message: wire.StreamInput, payload: bytes) -> wire.Refused | wire.Applied | None:
        match message:
            case wire.Audio() | wire.Text() | wire.Credit() if isinstance(message, self.intake.takes):
                return self._input(message, payload)
            case wire.Control() if isinstance(message, self.intake.takes):
                options = self.intake.control(message.values)
                self._advance(0, self.intake.changed(), message.seq)
                return wire.Applied(self.opened.stream, self.position, self.opened.options | options)
            case wire.Skip():
                return self._skip(message)
            case wire.Flush():
                self._inbox += FlushPoint(message.seq), FlushMark(message.seq)
            case wire.Close():
                self.end = EndMark(message.seq, "closed")
                self._inbox.append(self.end)
            case _:
                text = f"{type(message).__name__} means nothing to {self.opened.model}"
                return self._refused("unsupported", text, field="type")
        return None

    def _input(self, message: wire.Audio | wire.Text | wire.Credit, payload: bytes) -> wire.Refused | None:
        if not isinstance(message, wire.Credit) and (refusal := self._misplaced(message.start)):
            return refusal
        count = self.intake.count(message, payload)
        if count > self.limits.window:
            text = f"{count} positions at once; the whole window is {self.limits.window}"
            return self._refused("too_large", text)
        if count > self.window:
            text = f"{count} positions came and the window is {self.window}; wait for an Ack"
            return self._refused("overrun", text)
        self._advance(count, self.intake.read(message, payload), message.seq)
        return None

    def _skip(self, message: wire.Skip) -> wire.Refused | None:
        pieces = self.intake.skipped(min(message.count, self.limits.skip))
        if refusal := self._misplaced(message.start):
            return refusal
        if message.count > self.limits.skip:
            text = f"{message.count} positions lost; at most {self.limits.skip} may be, open a new stream"
            return self._refused("too_large", text, field="count")
        if message.count and not self.window:
            return self._refused("overrun", "the window is spent; wait for an Ack")
        self._advance(message.count, pieces, message.seq)
        return None

    def _advance(self, count: int, pieces: Sequence[Any], seq: int) -> None:
        begun, offset = self._begun
        start = self.position - offset if seq == begun else self.position
        self._inbox += (Item(piece, seq, start) for piece in pieces)
        self.position += count

    def _misplaced(self, start: int) -> wire.Refused | None:
        if start == self.position:
            return None
        text = f"start is {start} and the stream is at {self.position}; declare what is lost with Skip"
        return self._refused("hole", text, field="start")

    def _ack(self) -> wire.Ack:
        self._acked_position, self._acked_window = self.position, self.window
        # A silent stream asks for no places; forget those that no result can name any more.
        self.intake.forget()
        return wire.Ack(self.opened.stream, self.accepted, self._acked_window)

    def _refused(self, code: str, message: str, field: str = "", fatal: bool = False) -> wire.Refused:
        return wire.Refused(
            code, message, field, stream=self.opened.stream, expected=self.accepted + 1, fatal=fatal
        )


def _shifted(alternatives: tuple[wire.Alternative, ...], by: int) -> tuple[wire.Alternative, ...]:
    """The readings with their words `by` positions later."""
    if not by:
        return alternatives
    return tuple(
        replace(
            reading,
            words=tuple(replace(word, start=word.start + by, end=word.end + by) for word in reading.words),
        )
        for reading in alternatives
    )
