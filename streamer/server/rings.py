"""The last results of each stream, as they were sent: for those who missed some."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from hmac import compare_digest

from msgspec import Struct

from streamer import wire

MOST_RESULTS = 256  # of a stream
KEPT_S = 60.0  # after a stream ended
MOST_BYTES = 128 * 1024 * 1024  # of all streams; the oldest that ended are forgotten first


class SentResult(Struct, frozen=True):
    """A result as it was sent; `began` is the number of the first one of its utterance."""

    seq: int
    began: int
    header: bytes


class Ring(Struct):
    """What one stream said last."""

    published: bool
    owner: bytes
    results: deque[SentResult]
    began: int = 1  # the first result of the running utterance
    num_bytes: int = 0
    until: float = float("inf")  # when it is forgotten


class Rings:
    """By stream. The caller brings the time."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._rings: dict[bytes, Ring] = {}
        self._ended: OrderedDict[bytes, Ring] = OrderedDict()
        self._most_bytes, self._num_bytes = most_bytes, 0

    def begin(self, opened: wire.Opened) -> None:
        """A stream is open; one that goes on keeps what it has, one that is fed is its source's owner's."""
        stream = opened.stream
        source = self._rings.get(opened.source)
        owner = source.owner if source else opened.owner
        if stream in self._ended:
            self._rings[stream] = self._ended.pop(stream)
        self._rings.setdefault(stream, Ring(bool(opened.topic), owner, deque()))

    def add(self, result: wire.Result, header: bytes) -> None:
        """`result` was sent as `header`. One that is said again after a resumption stands for the first."""
        ring = self._rings.get(result.stream)
        if ring is None:
            return
        while ring.results and ring.results[-1].seq >= result.seq:
            self._drop(ring, ring.results.pop())
            ring.began = ring.results[-1].began if ring.results else 1
        ring.results.append(SentResult(result.seq, ring.began, header))
        ring.num_bytes += len(header)
        self._num_bytes += len(header)
        if result.kind == "final":
            ring.began = result.seq + 1
        if len(ring.results) > MOST_RESULTS:
            self._drop(ring, ring.results.popleft())
        while self._num_bytes > self._most_bytes and (self._ended or len(ring.results) > 1):
            if self._ended:
                self._forget(self._ended.popitem(last=False)[1])
            else:
                self._drop(ring, ring.results.popleft())

    def end(self, stream: bytes, now: float) -> None:
        """The stream is over, or gone from here."""
        if ring := self._rings.pop(stream, None):
            ring.until = now + KEPT_S
            self._ended[stream] = ring
        while self._ended and next(iter(self._ended.values())).until <= now:
            self._forget(self._ended.popitem(last=False)[1])

    def since(self, stream: bytes, seq: int, owner: bytes = b"") -> list[SentResult] | None:
        """The results from `seq` on, for 0 those of the running utterance; None where they aren't told."""
        ring = self._rings.get(stream) or self._ended.get(stream)
        if ring is None or not (ring.published or compare_digest(ring.owner, owner)):
            return None
        first = seq or ring.began
        return [sent for sent in ring.results if sent.seq >= first]

    def _drop(self, ring: Ring, sent: SentResult) -> None:
        ring.num_bytes -= len(sent.header)
        self._num_bytes -= len(sent.header)

    def _forget(self, ring: Ring) -> None:
        self._num_bytes -= ring.num_bytes


def replayed(message: wire.Replay, kept: Iterable[SentResult]) -> wire.Replayed:
    """The last message of the answer to `message`."""
    numbers = [sent.seq for sent in kept]
    first, last = (numbers[0], numbers[-1]) if numbers else (0, 0)
    return wire.Replayed(message.stream, first, last, message.request)
