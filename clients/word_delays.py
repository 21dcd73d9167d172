"""How long after its end a word is first shown, as the user feels it."""

from collections import Counter, deque

from streamer import wire

KEPT_S = 60.0  # of what is known of the sound's clock


class WordDelays:
    """Delays of the words of finals, from the end of each to its first appearance in a partial or final.

    The n-th "the" of an utterance appears with the first result that holds n of them and came after its
    start. `evaluate captions` counts in the same way, against a reference.
    """

    def __init__(self, rate_hz: int):
        self.rate_hz = rate_hz
        self._clock: deque[tuple[float, float]] = deque()  # when a block came, when position 0 was heard then
        self._shown: dict[tuple[str, int], list[float]] = {}  # when the utterance's words were shown

    def hear(self, end: int, now: float) -> None:
        """A block that ends at position `end` was heard by `now`."""
        self._clock.append((now, now - end / self.rate_hz))
        while self._clock[0][0] < now - KEPT_S:
            self._clock.popleft()

    def show(self, result: wire.Result, now: float) -> list[float]:
        """The result is shown `now`: the delays in seconds of the words that a final settles, else none."""
        words = result.alternatives[0].words if result.alternatives else ()
        counts: Counter[str] = Counter()
        nth = []
        for word in words:
            text = _plain(word.text)
            counts[text] += 1
            nth.append((text, counts[text]))
            self._shown.setdefault(nth[-1], []).append(now)
        if result.kind != "final" or not self._clock:
            return []
        # A block may wait before it is sent, and none comes before it was heard.
        heard = min(start for _, start in self._clock)
        delays = []
        for word, key in zip(words, nth):
            start, end = heard + word.start / self.rate_hz, heard + word.end / self.rate_hz
            delays.append(next((at for at in self._shown[key] if at >= start), now) - end)
        self._shown.clear()
        return delays


def _plain(text: str) -> str:
    """A word without what the end of its sentence makes of it."""
    return text.strip(".,;:?!").casefold()
