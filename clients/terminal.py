"""Where a live session is shown: a screen on a terminal, else lines."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.text import Text

from streamer import wire


class TerminalView(Protocol):
    """Where a session is shown. A context manager; `tick` often, it draws when it is due."""

    def __enter__(self) -> "TerminalView": ...
    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, result: wire.Result) -> None: ...
    def rewritten(self, before: wire.Result, after: wire.Result) -> None: ...
    def derived(self, final: int, model: str, text: Text) -> None: ...
    def tick(self) -> None: ...


def drawable() -> bool:
    """Whether standard output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


@contextmanager
def starting(what: str) -> Iterator[None]:
    """Says on a terminal `what` is awaited before the session begins: a first start compiles for a while."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what, spinner="dots"):
        yield
