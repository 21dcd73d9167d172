"""The streams that ended here, remembered for a while: none of them lives again."""

from collections import OrderedDict
from typing import NamedTuple

from streamer import wire

KEPT_S = 3600.0
MOST = 100_000  # of them, the oldest are forgotten first


class Tombstone(NamedTuple):
    """How a stream ended, and who may ask."""

    owner: bytes
    closed: wire.Closed
    until: float


class Tombstones:
    """By stream, for `KEPT_S` seconds. The caller brings the time."""

    def __init__(self) -> None:
        self._by_stream: OrderedDict[bytes, Tombstone] = OrderedDict()

    def add(self, owner: bytes, closed: wire.Closed, now: float) -> None:
        self._by_stream[closed.stream] = Tombstone(owner, closed, now + KEPT_S)
        while len(self._by_stream) > MOST:
            self._by_stream.popitem(last=False)

    def get(self, stream: bytes, now: float) -> Tombstone | None:
        """That of `stream`, if it ended here in the last hour."""
        while self._by_stream and next(iter(self._by_stream.values())).until <= now:
            self._by_stream.popitem(last=False)
        return self._by_stream.get(stream)
