"""The streams that a server feeds with the finals of a client's own: their results, in order."""

from collections.abc import Iterator

from streamer import wire
from streamer.clients.notices import Derived, Diverged, Gap
from streamer.clients.result_order import ResultOrder


class FedStream:
    """One of them, and the life of it that is listened to."""

    def __init__(self, model: str):
        self.model = model
        self.order = ResultOrder()
        self.incarnation = wire.FIRST
        self.ending: wire.Closed | None = None  # while results before its end lack


class FedStreams:
    """By name, those that are not over."""

    def __init__(self) -> None:
        self._streams: dict[bytes, FedStream] = {}

    @property
    def models(self) -> dict[bytes, str]:
        return {stream: fed.model for stream, fed in self._streams.items()}

    def clear(self) -> None:
        """They were lost with their source."""
        self._streams.clear()

    def missing(self) -> list[tuple[bytes, int]]:
        """Of each the first result that lacks, where one does."""
        return [(stream, fed.order.missing) for stream, fed in self._streams.items() if fed.order.missing]

    def settle(self, stream: bytes | None = None, kept: int = 0) -> Iterator[Derived | Gap | Diverged]:
        """What lacks will not come, of one stream or of all, except for results from number `kept` on."""
        for name, fed in list(self._streams.items()):
            if stream in (None, name):
                yield from self._told(fed, fed.order.settle(name, kept))
                self._end(name, fed)

    def take(self, message: wire.Output, waits: bool) -> Iterator[Derived | Gap | Diverged]:
        """What an answer for one of them brings; early results wait for those before, if they may."""
        if isinstance(message, wire.Opened):
            opened = self._streams.setdefault(message.stream, FedStream(message.model))
            if opened.incarnation != message.incarnation:
                opened.order.begin_again()
                opened.incarnation, opened.ending = message.incarnation, None
            elif waits:
                opened.order.expect(message.results)
        elif isinstance(message, wire.Refused):  # its last results are not kept
            yield from self.settle(message.stream)
        elif isinstance(message, wire.Replayed):
            yield from self.settle(message.stream, message.first)
        elif isinstance(message, wire.Result | wire.Closed):
            fed = self._streams.get(message.stream)
            if fed is None or message.incarnation != fed.incarnation:
                return
            if isinstance(message, wire.Result):
                yield from self._told(fed, fed.order.take(message, waits))
            else:
                fed.ending = message
                fed.order.expect(message.results)
                if not waits:
                    yield from self._told(fed, fed.order.settle(message.stream))
            self._end(message.stream, fed)

    def _end(self, stream: bytes, fed: FedStream) -> None:
        if fed.ending and not fed.order.missing:
            self._streams.pop(stream, None)

    def _told(
        self, fed: FedStream, news: Iterator[wire.Result | Gap | Diverged]
    ) -> Iterator[Derived | Gap | Diverged]:
        for one in news:
            yield Derived(fed.model, one) if isinstance(one, wire.Result) else one
