"""One stream as a watcher sees it: its results in order, from where he came in, and its end."""

from collections.abc import Iterator

from streamer import wire
from streamer.clients.notices import Diverged, Gap
from streamer.clients.result_order import ResultOrder

REPLAY_S, MOST_REPLAYS = 1.0, 3  # what lacks is asked for so often, and then given up
MOST_KEPT = 256  # results of a stream that a server keeps

Seen = wire.Result | wire.Closed | Gap | Diverged


class WatchedStream:
    """Law: results come out once and in order, over all lives of the stream.

    `replays` says whether what lacks can be asked for: then the beginning of the utterance that runs when the
    watcher comes is, too.
    """

    def __init__(self, stream: bytes, replays: bool):
        self.stream, self.over = stream, False
        self._replays = replays
        self._order: ResultOrder | None = None  # until it is known where he comes in
        self._first: list[wire.Result] = []  # that wait for that
        self._closed: wire.Closed | None = None
        self._epoch = 0
        self._asked_for, self._asked, self._ask_at = 0, 0, 0.0  # which result, how often, when again

    def take(self, message: wire.Result | wire.Closed) -> Iterator[Seen]:
        """What `message` brings, published or replayed."""
        if message.incarnation.epoch < self._epoch:
            return  # of a server that has the stream no more
        self._epoch = message.incarnation.epoch
        if isinstance(message, wire.Closed):
            self._closed = message
            if self._order:
                self._order.expect(message.results)
        elif self._order is None and self._replays and (self._first or message.seq > 1):
            self._first.append(message)
        else:
            yield from self._in_order(message.seq).take(message, self._replays)
        yield from self._end()

    def not_kept(self, before: int) -> Iterator[Seen]:
        """The results before number `before` are not kept any more, and never come; 0: none are kept."""
        yield from self._settle(before)

    def wanted(self, now: float) -> int:
        """The first result to ask for now; 0 where none lacks."""
        came = max(1, self._first[0].seq - MOST_KEPT) if self._first else 0
        lacks = self._order.missing if self._order else came
        if lacks != self._asked_for:
            # What was asked for is there; more may have been missed since.
            self._asked_for, self._asked = lacks, 0
        if not lacks:
            self._ask_at = 0.0
        elif now >= self._ask_at:
            self._asked, self._ask_at = self._asked + 1, now + REPLAY_S
            return lacks
        return 0

    def give_up(self) -> Iterator[Seen]:
        """What lacks, where it was asked for often enough."""
        if self._asked > MOST_REPLAYS:
            self._asked = 0
            yield from self._settle()

    def _settle(self, kept: int = 0) -> Iterator[Seen]:
        waiting, self._first = self._first, []
        if waiting and self._order is None:
            # He came in the middle of an utterance: it is told from its beginning.
            running = waiting[0].utterance
            self._in_order(min(result.seq for result in waiting if result.utterance == running))
        for result in waiting:
            if result.seq > self._in_order(result.seq).last:
                yield from self._in_order(result.seq).take(result, waits=True)
        if self._order:
            yield from self._order.settle(self.stream, kept)
        yield from self._end()

    def _in_order(self, first: int) -> ResultOrder:
        """The order of results, which begins with number `first` if it has not begun."""
        if self._order is None:
            self._order = ResultOrder(first - 1)
        return self._order

    def _end(self) -> Iterator[Seen]:
        if self._closed is None or self._first:
            return
        if self._order and not self._replays:
            yield from self._order.settle(self.stream)
        if self._order is None or not self._order.missing:
            self.over = True
            yield self._closed
