"""How much memory this process holds."""

import os
import subprocess
import sys
from pathlib import Path

SETTLED_SECONDS = 60.0  # of input, after which a stream has all that it will need; between looks


def resident_bytes() -> int:
    """The resident set of this process."""
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True)
    return 1024 * int(shown.stdout)


class Growth:
    """Told the seconds of input done, it keeps the resident set after the first minute and the latest."""

    def __init__(self) -> None:
        self.before = self.after = 0
        self._next = SETTLED_SECONDS

    def __call__(self, seconds: float) -> None:
        if seconds >= self._next:
            self._next = seconds + SETTLED_SECONDS
            self.after = resident_bytes()
            self.before = self.before or self.after

    @property
    def percent(self) -> float | None:
        """None where the input was shorter than two minutes."""
        return 100 * (self.after / self.before - 1) if self.before else None
