"""One stream: the order of its inputs, what waits, how far it came, where its answers go.

Plain values: no torch, no socket, no clock. Refusals are returned, not raised: a peer's fault is an
answer like any other.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.feeders.audio import AudioFeeder
from models.readers import Event
from streamer import wire
from streamer.lane import Lane
from streamer.places import Places


class Limits(NamedTuple):
    """What a stream may ask of the server, in its own positions."""

    window: int  # positions that may be unprocessed
    ack: int  # positions after which an Ack is due
    skip: int  # positions that one Skip may declare lost


class FlushMark(NamedTuple):
    """A Flush, waiting for all that was sent before it."""

    seq: int


class EndMark(NamedTuple):
    """The end of the stream, waiting for all that was sent before it."""

    seq: int
    reason: str


class Session:
    """A stream's condition between its first message and `Closed`.

    Law: what it gives its lanes, and so every result, is a function of the ordered inputs alone.
    """

    def __init__(
        self,
        opened: wire.Opened,
        asker: tuple[bytes, str],
        peer: bytes,
        feeder: AudioFeeder,
        lanes: tuple[Lane, Lane],
        places: Places,
        limits: Limits,
        now: float,
    ):
        self.opened, self.asker, self.feeder = opened, asker, feeder
        self.peer = peer  # the connection that it last came by; answers go there
        self.front, self.network = lanes
        self.places, self.limits = places, limits
        self.heard_at = now  # when its owner was last heard
        self.since = now  # when the oldest input came that waits
        self.accepted = 0  # seq of the last input taken
        self.position = 0  # after the inputs taken
        self.results = 0
        self.end: EndMark | None = None
        self._inbox: deque[np.ndarray | FlushMark | EndMark] = deque()
        # Where each input ended, so that a result can name the input that it needed.
        self._marks: deque[tuple[int, int]] = deque()
        self._acked, self._acked_position, self._acked_window = 0, 0, limits.window

    @property
    def window(self) -> int:
        """Positions that may still be sent."""
        return max(0, self.limits.window - (self.position - self.front.stepped))

    @property
    def flushing(self) -> FlushMark | None:
        """The Flush whose turn it is, once everything before it was read."""
        mark = self._inbox[0] if self._inbox else None
        idle = not self.front.blocks and not self.network.blocks
        return mark if isinstance(mark, FlushMark) and idle else None

    @property
    def working(self) -> bool:
        """Whether something waits that a step or a flush can take on."""
        return bool(self._inbox or self.front.blocks or self.network.blocks or self.end)

    def receive(self, message: wire.StreamInput, payload: bytes, now: float) -> wire.Output | None:
        """Take one input of the owner. A refusal, or an Ack for a repeat; None when it was taken."""
        self.heard_at = now
        if message.seq <= self.accepted:
            return self._ack()
        if self.end:
            return self._refused("unknown_stream", "the stream has ended", fatal=True)
        if message.seq > self.accepted + 1:
            text = f"input {message.seq} came and {self.accepted + 1} did not; repeat from there"
            return self._refused("hole", text, field="seq")
        refusal = self._take(message, payload)
        if refusal is None:
            self.accepted = message.seq
        return refusal

    def finish(self, reason: str) -> None:
        """End the stream after all that was taken, as if its owner had closed it."""
        if not self.end:
            self.end = EndMark(self.accepted, reason)
            self._inbox.append(self.end)

    def feed(self) -> None:
        """Move what was taken into the front's lane, up to the next Flush."""
        while self._inbox and not isinstance(self._inbox[0], FlushMark):
            item = self._inbox.popleft()
            if isinstance(item, EndMark):
                self.front.close()
            else:
                self.front.push(item)

    def flushed(self) -> None:
        """The Flush at the head of the inbox is done."""
        mark = self._inbox.popleft()
        assert isinstance(mark, FlushMark)

    def told(self, events: Sequence[Event], mark: FlushMark | EndMark | None = None) -> list[wire.Result]:
        """Events as results, numbered; `mark` caused them, or the inputs themselves did."""
        results = []
        for event in events:
            needed = self.places.needed(event.through)
            # Without a Flush or an end all that is needed was pushed, whoever stepped it when.
            heard = min(needed, self.front.pushed)
            self.results += 1
            results.append(
                wire.Result(
                    stream=self.opened.stream,
                    seq=self.results,
                    utterance=event.utterance,
                    kind=event.kind,
                    through=heard,
                    accepted=mark.seq if mark else self._input_at(needed),
                    alternatives=self.places.alternatives(event, heard),
                    confirmed=event.confirmed,
                )
            )
        return results

    def due_ack(self) -> wire.Ack | None:
        """An Ack if enough input was taken, or enough of the window opened, since the last one.

        A stream that waits for its owner has told its whole window.
        """
        opened = self.window - self._acked_window
        enough = self.limits.ack if self.working else self.front.geometry.block
        if self.position - self._acked_position >= self.limits.ack or opened >= enough:
            return self._ack()
        return None

    def _take(self, message: wire.StreamInput, payload: bytes) -> wire.Refused | None:
        match message:
            case wire.Audio():
                return self._audio(message, payload)
            case wire.Skip():
                return self._skip(message)
            case wire.Flush():
                self._inbox.append(FlushMark(message.seq))
            case wire.Close():
                self.end = EndMark(message.seq, "closed")
                self._inbox.append(self.end)
            case _:
                text = f"{type(message).__name__} means nothing to {self.opened.model}"
                return self._refused("unsupported", text, field="type")
        return None

    def _audio(self, message: wire.Audio, payload: bytes) -> wire.Refused | None:
        if refusal := self._misplaced(message.start):
            return refusal
        try:
            steps = self.feeder.steps(payload)
        except ValueError as error:
            return self._refused("bad_payload", str(error))
        if len(steps) > self.limits.window:
            text = f"{len(steps)} positions at once; the whole window is {self.limits.window}"
            return self._refused("too_large", text)
        if len(steps) > self.window:
            text = f"{len(steps)} positions came and the window is {self.window}; wait for an Ack"
            return self._refused("overrun", text)
        self._advance(steps, message.seq)
        return None

    def _skip(self, message: wire.Skip) -> wire.Refused | None:
        if refusal := self._misplaced(message.start):
            return refusal
        if message.count > self.limits.skip:
            text = f"{message.count} positions lost; at most {self.limits.skip} may be, open a new stream"
            return self._refused("too_large", text, field="count")
        if message.count and not self.window:
            return self._refused("overrun", "the window is spent; wait for an Ack")
        # A view of one row: a long loss takes no memory.
        neutral = self.front.geometry.neutral
        self._advance(np.broadcast_to(neutral, (message.count, len(neutral))), message.seq)
        return None

    def _advance(self, steps: np.ndarray, seq: int) -> None:
        self.position += len(steps)
        self._inbox.append(steps)
        self._marks.append((self.position, seq))

    def _misplaced(self, start: int) -> wire.Refused | None:
        if start == self.position:
            return None
        text = f"start is {start} and the stream is at {self.position}; declare what is lost with Skip"
        return self._refused("hole", text, field="start")

    def _input_at(self, position: int) -> int:
        """The seq of the first input that reached `position`; asked for in rising order."""
        while self._marks and self._marks[0][0] < position:
            self._marks.popleft()
        if self._marks:
            return self._marks[0][1]
        # Only the neutral steps of closing reach beyond the last input.
        assert self.end
        return self.end.seq

    def _ack(self) -> wire.Ack:
        self._acked, self._acked_position, self._acked_window = self.accepted, self.position, self.window
        # A silent stream asks for no places; forget those that no result can name any more.
        self._forget()
        return wire.Ack(self.opened.stream, self.accepted, self._acked_window)

    def _forget(self) -> None:
        network = self.network.geometry
        rows = network.outputs_per_block * (self.network.stepped // network.block) - network.warmup
        known = self.places.needed(max(0, rows))
        while self._marks and self._marks[0][0] < known:
            self._marks.popleft()

    def _refused(self, code: str, message: str, field: str = "", fatal: bool = False) -> wire.Refused:
        return wire.Refused(
            code, message, field, stream=self.opened.stream, expected=self.accepted + 1, fatal=fatal
        )
