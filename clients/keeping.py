"""How much a client keeps for the case that its server dies, and how long it waits for another one."""

from typing import NamedTuple

CHECKPOINT_MS = 2000
RECONNECT_S = 60.0  # that a server may be away


class Keeping(NamedTuple):
    """How much of its input a client keeps.

    `checkpoint_ms` is how often the server is asked for a checkpoint, 0 for never: then inputs are kept
    until they are accepted. Sound beyond `most_s` seconds or `most_bytes` is given up, the oldest first.
    """

    checkpoint_ms: int = CHECKPOINT_MS
    most_s: float = 600.0
    most_bytes: int = 64 * 2**20


KEEPING = Keeping()
NOTHING = Keeping(0)
