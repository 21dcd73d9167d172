"""From streams that wait to batches: a pure function, earliest deadline first."""

from collections.abc import Sequence
from typing import NamedTuple

# Blocks that a stream may take in one call: one that is far behind must not keep the others waiting.
MOST_BLOCKS = 32

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
    """Batches of at most `max_rows` streams, in the order in which they are to be stepped.

    Streams share the blocks that each of them has; those that have more go on without the others, up to
    `MOST_BLOCKS`. Of the batches that share blocks the one that holds the longest waiting stream comes first.
    """
    waiting = sorted((stream for stream in ready if stream.blocks), key=lambda stream: stream.since)
    batches: list[Batch] = []
    done = 0
    for count in sorted({min(stream.blocks, MOST_BLOCKS) for stream in waiting}):
        keys = tuple(stream.key for stream in waiting if stream.blocks >= count)
        batches += [Batch(keys[at : at + max_rows], count - done) for at in range(0, len(keys), max_rows)]
        done = count
    return batches


def due_at(since: float, num_ready: int, num_live: int, max_wait: float) -> float:
    """When streams must be stepped of which the first became ready at `since` (seconds).

    At once if nobody is missing or `ENOUGH` are there; otherwise others get up to `max_wait` seconds
    to widen the batch, the fewer streams live the less: they would gain little.
    """
    return since if num_ready >= min(num_live, ENOUGH) else since + max_wait * min(1.0, num_live / ENOUGH)
