"""From streams that wait to batches: a pure function, earliest deadline first."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

# Blocks that one step may take. Few enough that a GPU captures few graphs, dense enough that little is
# left over.
BLOCK_COUNTS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32)
MOST_BLOCKS = BLOCK_COUNTS[-1]  # of a stream in one call: others have blocks by then


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
    """Batches of at most `max_rows` streams, in which every stream takes its blocks, `MOST_BLOCKS` at most.

    All go together as far as the one with the fewest blocks, then the others go on: so a stream that
    is late shares its first blocks. Block counts are of `BLOCK_COUNTS`. Of those that go together the
    longest waiting streams come first.
    """
    batches: list[Batch] = []
    waiting = [
        (one.key, min(one.blocks, MOST_BLOCKS)) for one in sorted(ready, key=lambda one: one.since) if one.blocks
    ]
    while waiting:
        least = min(blocks for _, blocks in waiting)
        count = BLOCK_COUNTS[bisect_right(BLOCK_COUNTS, least) - 1]
        keys = tuple(key for key, _ in waiting)
        batches += [Batch(keys[at : at + max_rows], count) for at in range(0, len(keys), max_rows)]
        waiting = [(key, blocks - count) for key, blocks in waiting if blocks > count]
    return batches


def due_at(since: float, num_ready: int, num_live: int, max_wait: float) -> float:
    """When streams must be stepped of which the first became ready at `since` (seconds).

    At once if nobody is missing; otherwise others get `max_wait` seconds to widen the batch.
    """
    return since if num_ready >= num_live else since + max_wait
