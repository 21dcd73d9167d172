"""The memory of the server's process, and when it has too much of it."""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

from streamer.server.usage import resident_bytes

LOOK_S = 1.0
USUAL_SHARE = 0.75  # of the machine's memory
CGROUP = Path("/sys/fs/cgroup/memory.max")


class MemoryWatch:
    """Looks once a second whether the process holds more than `most_bytes`; 0: a share of the machine's."""

    def __init__(self, most_bytes: int = 0):
        self.most_bytes = most_bytes or int(USUAL_SHARE * machine_bytes())
        self.held_bytes = 0
        self._next = 0.0

    def over(self, now: float) -> bool:
        """Whether it held too much when last looked at."""
        if now >= self._next:
            self._next = now + LOOK_S
            self.held_bytes = resident_bytes(os.getpid())
        return self.held_bytes > self.most_bytes


def machine_bytes() -> int:
    """The memory that this process may use: the machine's, or its container's."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no such file, or "max"
        return min(machine, int(CGROUP.read_text()))
    return machine


def give_back() -> None:
    """Return freed memory to the system, which the allocator would keep."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
