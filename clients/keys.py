"""Single keys of the terminal, read as they are pressed."""

import os
import select
import sys
from codecs import getincrementaldecoder
from types import TracebackType


class Keys:
    """While open, the terminal gives keys at once and doesn't echo them. Without a terminal: none."""

    def __enter__(self) -> "Keys":
        self._before = None
        self._read: list[str] = []
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")
        if sys.stdin.isatty():
            # Not on every system, and needed on a terminal alone.
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def pressed(self, wait_s: float = 0.0) -> str:
        """The next key, or "" if none comes within `wait_s`."""
        if self._before is None:
            return ""
        # Past sys.stdin, which reads ahead: what it holds nobody can wait for.
        if not self._read and select.select([sys.stdin], [], [], wait_s)[0]:
            self._read += self._decoder.decode(os.read(sys.stdin.fileno(), 1024))
        return self._read.pop(0) if self._read else ""
