"""Results of one stream, each once and in order, whatever was lost, repeated or said again."""

from collections.abc import Iterator

from streamer import wire
from streamer.clients.notices import Diverged, Gap

REMEMBERED = 1024  # results that one said again is compared with
MOST_EARLY = 4096  # that wait for one before them

News = wire.Result | Gap | Diverged


class ResultOrder:
    """Law: the results that come out have every number once, and rising."""

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self._until = last + 1  # there are results below this number
        self._told: dict[int, tuple[str, str, int]] = {}
        self._early: dict[int, wire.Result] = {}

    @property
    def missing(self) -> int:
        """The first result that lacks, though a later one is known of; 0 for none."""
        return self.last + 1 if self._early or self.last + 1 < self._until else 0

    def expect(self, results: int) -> None:
        """There are `results` results."""
        self._until = max(self._until, results + 1)

    def begin_again(self) -> None:
        """All results after the last one are to be said again, in order: those that were early, too."""
        self._early.clear()
        self._until = self.last + 1

    def take(self, result: wire.Result, waits: bool) -> Iterator[News]:
        """The results that come now, in order, and what there is to say of them.

        One that is early `waits` for those before it; else these are given up.
        """
        if result.seq <= self.last:
            yield from self._compared(result)
            return
        self._early[result.seq] = result
        if not waits or len(self._early) > MOST_EARLY:
            yield from self._give_up(result.stream, min(self._early))
        yield from self._following()

    def settle(self, stream: bytes, kept: int = 0) -> Iterator[News]:
        """What lacks is given up, except for results from number `kept` on, which may still come; 0: all."""
        while self.missing and not 0 < kept <= self.missing:
            before = min(self._early, default=self._until)
            yield from self._give_up(stream, min(before, kept) if kept else before)
            yield from self._following()

    def _give_up(self, stream: bytes, before: int) -> Iterator[Gap]:
        if before > self.last + 1:
            yield Gap(stream, self.last + 1, before - 1)
            self.last = before - 1

    def _following(self) -> Iterator[wire.Result]:
        while (result := self._early.pop(self.last + 1, None)) is not None:
            self.last = result.seq
            self._told[result.seq] = _content(result)
            self._told.pop(result.seq - REMEMBERED, None)
            yield result

    def _compared(self, result: wire.Result) -> Iterator[Diverged]:
        """One that is said again should be what it was."""
        before, now = self._told.get(result.seq), _content(result)
        if before is not None and before != now:
            self._told[result.seq] = now
            yield Diverged(result.stream, result.seq, before[1], now[1])


def _content(result: wire.Result) -> tuple[str, str, int]:
    text = result.alternatives[0].text if result.alternatives else ""
    return result.kind, text, result.through
