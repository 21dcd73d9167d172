"""Threads that share the search of a step's rows."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Room = TypeVar("Room")

MOST_THREADS = 4


class Crew(Generic[Room]):
    """The caller and its helpers, each with a room of its own to work in.

    A helper that the machine is slow to start takes nothing and isn't waited for: the caller, who
    takes pieces as the helpers do, is then done with all of them.
    """

    def __init__(self, rooms: Sequence[Room]):
        self.own, *self.others = rooms
        self.pool = ThreadPoolExecutor(max(1, len(self.others)), "search")

    def share(self, work: Callable[[slice, Room], None], count: int, piece: int) -> None:
        """Do `work` on all of `count` rows, `piece` at a time; what it raises is raised here."""
        pieces = deque(slice(at, min(at + piece, count)) for at in range(0, count, piece))

        def take(room: Room) -> None:
            while True:
                try:
                    some = pieces.popleft()
                except IndexError:
                    return
                work(some, room)

        helped = [self.pool.submit(take, room) for room in self.others[: max(0, len(pieces) - 1)]]
        take(self.own)
        for help_ in helped:
            if not help_.cancel():
                help_.result()


def crew_size() -> int:
    """How many threads are worth their while: one for each core that this process may use, up to four."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST_THREADS)
