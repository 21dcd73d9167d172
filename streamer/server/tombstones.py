"""The streams that ended here, remembered for a while: none of them lives again."""

from collections import OrderedDict
from typing import NamedTuple

from streamer import wire

KEPT_S = 3600.0
MOST = 100_000  # of them, the oldest are forgotten first


class Tombstone(NamedTuple):
    """How a stream ended, who may ask, and what fed it, if anything did."""

    owner: bytes
    closed: wire.Closed
    source: bytes
    until: float


class Tombstones:
    """By stream, for `KEPT_S` seconds. The caller brings the time."""

    def __init__(self) -> None:
        self._by_stream: OrderedDict[bytes, Tombstone] = OrderedDict()
        self._fed: dict[bytes, list[bytes]] = {}  # by source

    def add(self, owner: bytes, closed: wire.Closed, source: bytes, now: float) -> None:
        self._forget(closed.stream)  # a stream that is fed may go on with its source, and end again
        self._by_stream[closed.stream] = Tombstone(owner, closed, source, now + KEPT_S)
        if source:
            self._fed.setdefault(source, []).append(closed.stream)
        while len(self._by_stream) > MOST:
            self._forget(next(iter(self._by_stream)))

    def get(self, stream: bytes, now: float) -> Tombstone | None:
        """That of `stream`, if it ended here in the last hour."""
        while self._by_stream and next(iter(self._by_stream.values())).until <= now:
            self._forget(next(iter(self._by_stream)))
        return self._by_stream.get(stream)

    def fed_by(self, stream: bytes) -> list[wire.Closed]:
        """How those ended that `stream` fed, directly or not."""
        closed: list[wire.Closed] = []
        for fed in self._fed.get(stream, ()):
            closed += [self._by_stream[fed].closed, *self.fed_by(fed)]
        return closed

    def _forget(self, stream: bytes) -> None:
        ended = self._by_stream.pop(stream, None)
        if ended and ended.source:
            siblings = self._fed[ended.source]
            siblings.remove(stream)
            if not siblings:
                del self._fed[ended.source]
