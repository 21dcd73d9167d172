"""Threads that share the search of a step's rows."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Workspace = TypeVar("Workspace")

MOST_THREADS = 4


class SearchThreads(Generic[Workspace]):
    """The calling thread and its helpers, each with a workspace of its own.

    The caller takes pieces of work as the helpers do. A helper that starts late takes none, and nobody waits
    for it: the others have then done all of them.
    """

    def __init__(self, workspaces: Sequence[Workspace]):
        self.own, *self.others = workspaces
        self.pool = ThreadPoolExecutor(max(1, len(self.others)), "search")

    def share(self, work: Callable[[slice, Workspace], None], count: int, piece: int) -> None:
        """Do `work` on all of `count` rows, `piece` at a time; what it raises is raised here."""
        pieces = deque(slice(at, min(at + piece, count)) for at in range(0, count, piece))

        def take(workspace: Workspace) -> None:
            while True:
                try:
                    rows = pieces.popleft()
                except IndexError:
                    return
                work(rows, workspace)

        helpers = self.others[: max(0, len(pieces) - 1)]
        futures = [self.pool.submit(take, workspace) for workspace in helpers]
        take(self.own)
        for future in futures:
            if not future.cancel():
                future.result()


def num_search_threads() -> int:
    """How many threads pay: one for each core that this process may use, up to four."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST_THREADS)
