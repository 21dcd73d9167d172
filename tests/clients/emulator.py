"""A terminal emulator: what a user sees in a window of some size, and what has scrolled away."""

import io

import pyte
from rich.console import Console, ConsoleDimensions

from streamer import wire

ID = bytes(16)


def result(kind: str, text: str, confirmed: int = 0, seq: int = 1) -> wire.Result:
    return wire.Result(ID, seq, 0, kind, 0, 1, (wire.Alternative(text),), confirmed)


class Window(io.StringIO):
    """A file that is a terminal of `columns` times `rows`; `console` writes to it."""

    def __init__(self, columns: int, rows: int):
        super().__init__()
        self.terminal = pyte.HistoryScreen(columns, rows, history=10_000)
        self._stream = pyte.Stream(self.terminal)
        self.console = Console(
            file=self, force_terminal=True, width=columns, height=rows, legacy_windows=False
        )

    def write(self, text: str) -> int:
        self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    def resize(self, columns: int, rows: int) -> None:
        """As terminals do it: rows above the cursor that have no room any more scroll away."""
        terminal = self.terminal
        row = terminal.cursor.y
        gone = max(0, row - rows + 1)
        terminal.cursor.y = terminal.lines - 1
        for _ in range(gone):
            terminal.index()
        for below in range(rows, terminal.lines):
            terminal.buffer.pop(below, None)
        terminal.lines = min(rows, terminal.lines)
        terminal.resize(rows, columns)
        terminal.set_margins()
        terminal.cursor.y = row - gone
        terminal.cursor.x = min(terminal.cursor.x, columns - 1)
        self.console.size = ConsoleDimensions(columns, rows)

    @property
    def lines(self) -> list[str]:
        """What is in the window, from the top."""
        return [line.rstrip() for line in self.terminal.display]

    @property
    def history(self) -> list[str]:
        """What has scrolled out of the window, and what is in it."""
        rows = self.terminal.history.top
        gone = ["".join(row[x].data for x in range(self.terminal.columns)).rstrip() for row in rows]
        return gone + self.lines
