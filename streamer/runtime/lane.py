"""One stream's way through one stage: what waits, what was stepped, which outputs are true."""

from collections import deque

import msgspec
import numpy as np

from streamer.runtime.geometry import Geometry


class LaneCondition(msgspec.Struct, frozen=True, array_like=True):
    """A lane that is open, as a plain value."""

    pushed: int
    outputs: int
    waiting: bytes  # float32, the steps that wait


class Lane:
    """The steps of one stream that wait for one stage, and the count of those that went through.

    `row` is the stream's row in the stage's arena. A lane that is closed holds the neutral steps
    too and gives exactly `kept` true outputs in all.
    """

    __slots__ = ("_outputs", "_parts", "closed", "geometry", "pushed", "row", "waiting")

    def __init__(self, geometry: Geometry, row: int):
        self.geometry, self.row = geometry, row
        self.waiting = 0  # steps, neutral ones included
        self.pushed = 0  # true steps so far
        self.closed = False
        self._parts: deque[np.ndarray] = deque()
        self._outputs = 0  # so far, warm-up included

    @property
    def blocks(self) -> int:
        """Whole blocks that wait."""
        return self.waiting // self.geometry.block

    @property
    def drained(self) -> bool:
        """Closed, and everything went through."""
        return self.closed and not self.waiting

    @property
    def stepped(self) -> int:
        """True steps that went through."""
        return max(0, self.pushed - self.waiting) if not self.closed else self.pushed

    @property
    def true_rows(self) -> int:
        """True output rows so far, or fewer: a closed lane's neutral steps are not told apart."""
        steps = max(0, self.pushed - self.waiting)
        return self.geometry.outputs_per_block * (steps // self.geometry.block) - self.geometry.warmup

    def push(self, steps: np.ndarray) -> None:
        """Add true steps float32 [n, C]."""
        assert not self.closed
        if len(steps):
            self._parts.append(steps)
            self.waiting += len(steps)
            self.pushed += len(steps)

    def close(self) -> None:
        """No true step follows. A lane that had none has nothing to drain."""
        assert not self.closed
        self.closed = True
        if count := self.geometry.closing_steps(self.pushed) if self.pushed else 0:
            neutral = self.geometry.neutral
            self._parts.append(np.broadcast_to(neutral, (count, len(neutral))))
            self.waiting += count

    def take(self, out: np.ndarray) -> None:
        """Move the oldest len(out) steps into out [n, C]."""
        at, count = 0, len(out)
        assert count <= self.waiting
        self.waiting -= count
        while at < count:
            part = self._parts.popleft()
            if len(part) > count - at:
                self._parts.appendleft(part[count - at :])
                part = part[: count - at]
            out[at : at + len(part)] = part
            at += len(part)

    def true_outputs(self, count: int) -> slice:
        """Which of the next `count` outputs are the stream's own; counts them."""
        warmup, before = self.geometry.warmup, self._outputs
        self._outputs = before + count
        first = min(count, max(0, warmup - before))
        if not self.closed:
            return slice(first, count)
        end = warmup + self.geometry.kept(self.pushed) - before
        return slice(first, max(first, min(count, end)))

    def save(self) -> LaneCondition:
        """The whole condition of a lane that is open."""
        assert not self.closed
        return LaneCondition(self.pushed, self._outputs, b"".join(part.tobytes() for part in self._parts))

    def restore(self, saved: LaneCondition) -> None:
        """Go on where `save` was called, with this lane's own row. ValueError for another geometry's."""
        steps = np.frombuffer(saved.waiting, np.float32).reshape(-1, len(self.geometry.neutral))
        if not 0 <= len(steps) <= saved.pushed or saved.outputs < 0:
            raise ValueError(f"{len(steps)} steps wait of {saved.pushed}")
        self._parts = deque([steps] if len(steps) else [])
        self.waiting, self.pushed, self._outputs = len(steps), saved.pushed, saved.outputs

    def closed_copy(self, more: np.ndarray) -> "Lane":
        """What this lane would be, had it been given `more` [n, C] and closed; itself unchanged."""
        other = Lane(self.geometry, self.row)
        other.waiting, other.pushed, other.closed = self.waiting, self.pushed, self.closed
        other._parts, other._outputs = self._parts.copy(), self._outputs
        if not other.closed:
            other.push(more)
            other.close()
        return other
