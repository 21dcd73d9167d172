"""The bottom of a terminal, drawn again and again below what is printed for good."""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from types import TracebackType

from rich.console import Console, ConsoleDimensions
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from streamer.clients.keys import Keys

KEPT = 100  # texts printed above, to be drawn again where the window becomes narrower


class LiveArea:
    """What is printed goes above the area and stays in the terminal's own history.

    A context manager: it hides the cursor and what is typed. Law: the area has fewer rows than the window,
    whatever the window's size becomes; `body` gives way from its beginning.
    """

    def __init__(self, console: Console):
        self.console = console
        self._lines: list[Text] = []  # of the area, as it was drawn last
        self._printed: deque[Text] = deque(maxlen=KEPT)
        self._new: list[Text] = []  # printed at the next drawing
        self.keys = Keys()  # what is typed meanwhile
        self._size = self.size  # of the window that it was drawn in

    def __enter__(self) -> "LiveArea":
        # Else the terminal echoes Ctrl-C as ^C, which may wrap the last line.
        self.keys.__enter__()
        self.console.show_cursor(False)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._lines:
                self.console.line()
            self.console.show_cursor(True)
        finally:
            self.keys.__exit__(kind, error, trace)

    @property
    def size(self) -> ConsoleDimensions:
        """The window's columns and rows now, whatever the environment says of them."""
        try:
            columns, rows = os.get_terminal_size(self.console.file.fileno())
        except (OSError, ValueError):
            return self.console.size
        return ConsoleDimensions(columns, rows) if columns and rows else self.console.size

    def print(self, text: Text) -> None:
        """Print `text` above the area, at the next drawing."""
        self._new.append(text)

    def wrapped(self, texts: Iterable[Text]) -> list[Text]:
        """The lines that `texts` have in the window as it was when the area was drawn last."""
        width = max(1, self._size.width)
        return [line for text in texts for line in _printable(text, "\n").wrap(self.console, width)]

    def draw(self, body: Sequence[Text], footer: Sequence[Text]) -> None:
        """Draw the end of `body` that fits, and below it `footer`, each of whose texts is one line."""
        size = self.size
        with self.console:
            above = self._erase(size)
            self.console.size = self._size = size
            for line in self.wrapped([*above, *self._new]):
                self._put(line)
            self._printed += self._new
            self._new.clear()
            self._lines = self._fitting(body, footer)
            for line in self._lines[:-1]:
                self._put(line)
            for line in self._lines[-1:]:
                self._put(line, end="")

    def _fitting(self, body: Sequence[Text], footer: Sequence[Text]) -> list[Text]:
        """One line of `body` at least, then `footer`, then as much of `body` as there is room for."""
        rows = max(1, self._size.height - 1)
        footer = [_printable(text) for text in footer[: rows - 1]]
        for line in footer:
            line.truncate(self._size.width, overflow="ellipsis")
        room = rows - len(footer)
        return self.wrapped(body)[-room:] + footer

    def _put(self, line: Text, end: str = "\n") -> None:
        self.console.print(line, no_wrap=True, crop=True, end=end)

    def _erase(self, new: ConsoleDimensions) -> list[Text]:
        """Erase the area, and where the window is narrower now also what was printed: returns that.

        Most terminals break lines again where they no longer fit, so all of them have moved.
        """
        rows, again = self._rows(self._lines, new.width), []
        if new.width < self._size.width:
            printed = deque(self._printed)
            while printed and rows < new.height:
                again.append(printed.pop())
                rows += self._rows(self.wrapped(again[-1:]), new.width)
        if self._lines:
            # Line by line: tmux keeps a copy of a screen that is erased at once.
            up = (ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)
            moves = up * (min(rows, new.height) - 1)
            self.console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *moves))
        return again[::-1]

    @staticmethod
    def _rows(lines: Iterable[Text], width: int) -> int:
        """The rows of lines in a window that has become `width` columns wide."""
        return sum(max(1, -(-line.cell_len // max(1, width))) for line in lines)


def _printable(text: Text, keep: str = "") -> Text:
    """A copy in which what would steer the terminal is only a sign, except for the characters of `keep`."""
    copy = text.copy()
    copy.plain = "".join(
        c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text.plain
    )
    return copy
