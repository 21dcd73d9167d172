"""What a live session shows: a screen on a terminal, else one line of text for each final."""

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from streamer import wire

SHOWN_FINALS = 4  # that may still be rewritten; older ones scroll away
REFRESH_S = 1 / 12
QUIET_DBFS, LOUD_DBFS = -60.0, 0.0
METER_CELLS = 24


@dataclass
class Figures:
    """What is known of a running session beside its words."""

    title: str
    level_dbfs: float = -np.inf
    overflows: int = 0
    heard_s: float = 0.0
    real_time_factor: float | None = None  # of a server that is ours
    warning: str = ""
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def line(self) -> str:
        parts = [f"{self.heard_s:.1f} s heard"]
        if self.latencies_ms:
            p50, p95 = np.percentile(list(self.latencies_ms), (50, 95))
            parts.append(f"latency p50 {p50:.0f} ms, p95 {p95:.0f} ms")
        if self.real_time_factor is not None:
            parts.append(f"real-time factor {self.real_time_factor:.3f}")
        parts.append(f"{self.overflows} overflow{'' if self.overflows == 1 else 's'}")
        return ", ".join(parts)


class TerminalView(Protocol):
    """Where a session is shown. A context manager; `tick` often, it draws when it is due."""

    def __enter__(self) -> "TerminalView": ...
    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, result: wire.Result) -> None: ...
    def rewritten(self, live: str, text: str) -> None: ...
    def derived(self, final: int, model: str, text: Text) -> None: ...
    def tick(self) -> None: ...


def view(figures: Figures) -> TerminalView:
    """A screen where standard output is a terminal that can be drawn on, else plain lines."""
    drawable = sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")
    return Screen(figures) if drawable else PlainLines(figures)


@contextmanager
def starting() -> Iterator[None]:
    """Says on a terminal that the session is about to begin: a first start compiles for a while."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status("starting", spinner="dots"):
        yield


class PlainLines:
    """For pipes: each final is one line on standard output, at once; the rest on standard error."""

    def __init__(self, figures: Figures):
        self.figures, self._warned = figures, ""

    def __enter__(self) -> "PlainLines":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        print(f"streamer: {self.figures.line()}", file=sys.stderr)

    def show(self, result: wire.Result) -> None:
        if result.kind == "final" and (text := best_text(result)):
            print(text, flush=True)

    def rewritten(self, live: str, text: str) -> None:
        print(f"offline: {text}", flush=True)

    def derived(self, final: int, model: str, text: Text) -> None:
        print(f"{model}: {text.plain}", flush=True)

    def tick(self) -> None:
        if self.figures.warning not in ("", self._warned):
            print(f"streamer: {self.figures.warning}", file=sys.stderr, flush=True)
        self._warned = self.figures.warning


@dataclass
class Final:
    """An utterance that has ended; `offline` is what the offline network made of it, once it has.

    `number` counts finals from 1; `derived` is what models of text say of it, by model.
    """

    live: str
    number: int = 0
    offline: str | None = None
    derived: dict[str, list[Text]] = field(default_factory=dict)

    def text(self) -> Text:
        lines = [Text(self.live, style="bold")]
        if self.offline is not None:
            lines.append(Text.assemble(("  offline: ", "dim"), (self.offline, "green")))
        for model, texts in self.derived.items():
            lines.append(Text.assemble((f"  {model}: ", "dim"), Text(" ").join(texts)))
        return Text("\n").join(lines)


class Screen:
    """The terminal: finals above, the sentence that is being said below, level and figures last."""

    def __init__(self, figures: Figures, console: Console | None = None):
        self.figures = figures
        self._finals: deque[Final] = deque()
        self._partial, self._confirmed = "", 0
        self._count = 0  # finals so far
        self._console = console or Console()
        # No thread of its own: it would draw what is being changed.
        self._live = Live(console=self._console, auto_refresh=False, get_renderable=self.render)
        self._due = 0.0

    def __enter__(self) -> "Screen":
        self._live.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, result: wire.Result) -> None:
        if result.kind == "partial":
            self._partial, self._confirmed = best_text(result), result.confirmed
        elif result.kind == "final":
            self._partial, self._confirmed = "", 0
            if text := best_text(result):
                self._count += 1
                self._add(Final(text, self._count))

    def rewritten(self, live: str, text: str) -> None:
        for final in self._finals:
            if final.live == live and final.offline is None:
                final.offline = text
                return

    def derived(self, final: int, model: str, text: Text) -> None:
        for shown in self._finals:
            if shown.number == final:
                shown.derived.setdefault(model, []).append(text)

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + REFRESH_S
            self._live.refresh()

    def render(self) -> Group:
        """The whole picture."""
        figures, partial = self.figures, self._partial
        lines = [final.text() for final in self._finals]
        confirmed, tentative = partial[: self._confirmed], partial[self._confirmed :]
        lines.append(Text.assemble(confirmed, (tentative, "dim italic"), ("▏", "cyan")))
        lines.append(Text.assemble(meter(figures.level_dbfs), "  ", (figures.title, "dim")))
        lines.append(Text(figures.line(), style="dim"))
        if figures.warning:
            lines.append(Text(figures.warning, style="yellow"))
        return Group(*lines)

    def _add(self, final: Final) -> None:
        self._finals.append(final)
        if len(self._finals) > SHOWN_FINALS:
            self._console.print(self._finals.popleft().text())


def best_text(result: wire.Result) -> str:
    """The likeliest text of a result, empty where it has none."""
    return result.alternatives[0].text if result.alternatives else ""


def meter(level_dbfs: float) -> Text:
    """The level as a bar: green, yellow from -12 dBFS, red from -3."""
    share = (max(level_dbfs, QUIET_DBFS) - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)
    cells = round(min(1.0, share) * METER_CELLS)
    colour = "red" if level_dbfs > -3 else "yellow" if level_dbfs > -12 else "green"
    return Text.assemble(("█" * cells, colour), ("░" * (METER_CELLS - cells), "dim"))
