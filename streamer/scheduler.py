"""From streams that wait to batches: a pure function, earliest deadline first."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

# Blocks that one step may take. Few enough that streams which are equally late share a batch (and
# that a GPU captures few graphs), dense enough that little is left over.
BLOCK_COUNTS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32)

# Streams that make a step wide: beyond them a product gains little speed.
ENOUGH = 48


class Ready(NamedTuple):
    """A stream with `blocks` whole blocks, the oldest of which came at `since` (seconds)."""

    key: int  # the caller's own number for it
    blocks: int
    since: float


class Batch(NamedTuple):
    """Streams that take one step of `blocks` blocks together."""

    keys: tuple[int, ...]
    blocks: int


def schedule(ready: Sequence[Ready], max_rows: int) -> list[Batch]:
    """Batches of at most `max_rows` streams: each stream once, with as many blocks as it can take.

    Block counts are rounded down to `BLOCK_COUNTS`; what is left waits for the next call. The batch
    that holds the longest waiting stream comes first.
    """
    by_count: dict[int, list[Ready]] = {}
    for stream in sorted(ready, key=lambda one: one.since):
        if stream.blocks:
            count = BLOCK_COUNTS[bisect_right(BLOCK_COUNTS, stream.blocks) - 1]
            by_count.setdefault(count, []).append(stream)
    batches = [
        (group[0].since, Batch(tuple(one.key for one in group), count))
        for count, streams in by_count.items()
        for group in _cut(streams, max_rows)
    ]
    return [batch for _, batch in sorted(batches, key=lambda pair: pair[0])]


def due_at(since: float, num_ready: int, num_live: int, max_wait: float) -> float:
    """When streams must be stepped of which the first became ready at `since` (seconds).

    At once if nobody is missing or `ENOUGH` are there; otherwise others get up to `max_wait` seconds
    to widen the batch, the fewer streams live the less: they would gain little.
    """
    return since if num_ready >= min(num_live, ENOUGH) else since + max_wait * min(1.0, num_live / ENOUGH)


def _cut(streams: list[Ready], max_rows: int) -> list[list[Ready]]:
    return [streams[at : at + max_rows] for at in range(0, len(streams), max_rows)]
