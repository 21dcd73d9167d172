"""The server's clock: it counts the time in which the server listened."""

import time
from collections.abc import Callable

# What one look at the clock counts at most: a process that was stopped, a machine that slept, heard nobody.
MOST_SECONDS = 0.5


class ListeningClock:
    """Seconds, never falling, of which a longer pause between two calls adds MOST_SECONDS alone.

    So a lease runs out only where its owner was silent while the server could hear.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._last, self._counted = clock, clock(), 0.0

    def __call__(self) -> float:
        now = self._clock()
        self._counted += min(max(0.0, now - self._last), MOST_SECONDS)
        self._last = now
        return self._counted
