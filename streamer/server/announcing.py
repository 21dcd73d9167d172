"""What the server tells whoever runs it, on standard error."""

import sys
import traceback
from contextlib import suppress


def announce(text: str) -> None:
    """One line. A standard error that is closed or full is no reason to stop serving."""
    with suppress(OSError, ValueError):
        print(f"streamer: {text}", file=sys.stderr, flush=True)


def announce_fault(text: str, error: BaseException | None) -> None:
    """A line, and where `error` was raised."""
    announce("".join([text, "\n", *traceback.format_exception(error)]).rstrip())
