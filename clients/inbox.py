"""What a stream's owner is told: results, also of the streams that it feeds, in order; notices; the end."""

from collections import deque
from collections.abc import Iterable
from typing import TypeVar

from streamer import wire
from streamer.clients.fed_streams import FedStreams
from streamer.clients.lifeline import Parts
from streamer.clients.notices import Derived, Diverged, Gap, Notice
from streamer.clients.result_order import ResultOrder

T = TypeVar("T")
MAX_NOTICES = 100
# Results that lack are asked for so often, and then given up.
REPLAY_S, MOST_REPLAYS = 1.0, 20


class Inbox:
    """Law: results come out once and in order; the end comes after them.

    `replays` says whether the server can be asked for results that lack.
    """

    def __init__(self) -> None:
        self.results: deque[wire.Result] = deque()
        self.notices: deque[Notice] = deque(maxlen=MAX_NOTICES)
        self.derived: deque[Derived] = deque()
        self.replays = False
        self.fed = FedStreams()
        self._order = ResultOrder()
        self._ending: wire.Closed | None = None  # how it ended, while results before that lack
        self._ask_at, self._asked = 0.0, 0

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
    def last(self) -> int:
        """The number of the last result that came out."""
        return self._order.last

    def take(self, result: wire.Result) -> None:
        self._give(self._order.take(result, self.replays))

    def take_fed(self, message: wire.Output) -> None:
        """An answer that is for a stream which this one feeds."""
        self._give(self.fed.take(message, self.replays))

    def expect(self, results: int) -> None:
        """There are `results` results."""
        if self.replays:
            self._order.expect(results)

    def not_kept(self, message: wire.Replayed) -> None:
        """What is kept was sent again: what was before never comes."""
        self._give(self._order.settle(message.stream, message.first))

    def begin_again(self) -> None:
        """What came after the last result is said again."""
        self._order.begin_again()
        self._ending = None

    def restart(self) -> None:
        """Another stream begins, with result 1."""
        self._order, self._ending = ResultOrder(), None

    def end(self, message: wire.Closed) -> None:
        """The stream is over."""
        self._ending = message
        self._order.expect(message.results)
        if not self.replays:
            self._give(self._order.settle(message.stream))

    def ended(self, with_fed: bool) -> wire.Closed | None:
        """How it ended, once nothing lacks before that; `with_fed` neither of the streams that it feeds."""
        if self._ending and not self._order.missing and not (with_fed and self.fed.models):
            return self._ending
        return None

    def requests(self, opened: wire.Opened, now: float) -> list[Parts]:
        """What lacks is asked for at once, and again; what was often asked for is given up."""
        wanted = [(opened.stream, self._order.missing)] if self._order.missing else []
        wanted += self.fed.missing()
        if not wanted or not self.replays:
            self._ask_at, self._asked = 0.0, 0
            return []
        if now < self._ask_at:
            return []
        self._ask_at, self._asked = now + REPLAY_S, self._asked + 1
        if self._asked > MOST_REPLAYS:
            self._give(self._order.settle(opened.stream))
            self._give(self.fed.settle())
        return [wire.encode(wire.Replay(stream, first, opened.owner)) for stream, first in wanted]

    def _give(self, news: Iterable[wire.Result | Derived | Gap | Diverged]) -> None:
        for one in news:
            if isinstance(one, wire.Result):
                self.results.append(one)
            elif isinstance(one, Derived):
                self.derived.append(one)
            else:
                self.notices.append(one)


def _drained(queue: deque[T]) -> list[T]:
    return [queue.popleft() for _ in range(len(queue))]
