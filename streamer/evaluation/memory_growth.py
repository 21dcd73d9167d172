"""How much the memory of this process grows as a stream goes on."""

import os

from streamer.server.usage import resident_bytes

SETTLED_SECONDS = 60.0  # of input, after which a stream has all that it will need; between looks


class Growth:
    """Called with the seconds of input done; keeps the resident set after the first minute and the latest."""

    def __init__(self) -> None:
        self.before = self.after = 0
        self._next = SETTLED_SECONDS

    def __call__(self, seconds: float) -> None:
        if seconds >= self._next:
            self._next = seconds + SETTLED_SECONDS
            self.after = resident_bytes(os.getpid())
            self.before = self.before or self.after

    @property
    def percent(self) -> float | None:
        """None where the input was shorter than two minutes."""
        return 100 * (self.after / self.before - 1) if self.before else None
