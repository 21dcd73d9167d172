"""`streamer keys`: the keys that checkpoints are sealed with."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from streamer.cli.command import option
from streamer.cli.figures import aligned
from streamer.cli.options import Configured
from streamer.server.keyring import FILE, Key, read_keys, state_folder
from streamer.server.keyring import rotate as rotated


def list(options: Configured) -> None:
    """Print a line for each key: its fingerprint, when it was made, whether it seals.

    The first one is made, where there is none.
    """
    folder = state_folder(options.settings().server.state)
    _print(read_keys(folder, time.time()))
    print(f"in {folder / FILE}", file=sys.stderr)


@dataclass(frozen=True, kw_only=True)
class Rotate(Configured):
    """A new key."""

    keep_hours: float | None = option(
        None,
        "HOURS",
        "Drop the keys that sealed nothing for so long; streams that were saved with them can't go on.",
        usual="all are kept",
        min=0,
    )


def rotate(options: Rotate) -> None:
    """Add a key that seals from now on, and print all; those before still open.

    Servers that run take it up with their next checkpoint.
    """
    folder = state_folder(options.settings().server.state)
    _print(rotated(folder, time.time(), options.keep_hours))
    print(f"in {folder / FILE}", file=sys.stderr)


def _print(keys: Sequence[Key]) -> None:
    rows = [("Key", "Made", "")]
    for key in keys:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(key.made))
        rows.append((key.fingerprint, made, "opens" if len(rows) > 1 else "seals and opens"))
    print("\n".join(aligned(rows)))
