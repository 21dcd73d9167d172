"""What a live session shows: a screen on a terminal, else one line of text for each final."""

import sys
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from streamer import wire

SHOWN_FINALS = 8
REFRESH_HZ = 12
QUIET_DBFS, LOUD_DBFS = -60.0, 0.0
METER_CELLS = 24


@dataclass
class Session:
    """What is known of a running session; the screen draws it."""

    title: str
    level_dbfs: float = -np.inf
    overflows: int = 0
    heard_s: float = 0.0
    real_time_factor: float = 0.0
    warning: str = ""
    finals: deque = field(default_factory=lambda: deque(maxlen=SHOWN_FINALS))  # [live text, rewritten text]
    partial: str = ""
    confirmed: int = 0
    latencies_ms: deque = field(default_factory=lambda: deque(maxlen=1000))

    def take(self, result: wire.Result) -> None:
        """A result as it arrives."""
        text = result.alternatives[0].text if result.alternatives else ""
        if result.kind == "partial":
            self.partial, self.confirmed = text, result.confirmed
        elif result.kind == "final":
            self.partial, self.confirmed = "", 0
            if text:
                self.finals.append([text, ""])

    def summary(self) -> str:
        """The figures of the session, in one line."""
        parts = [f"{self.heard_s:.1f} s heard"]
        if self.latencies_ms:
            p50, p95 = np.percentile(np.array(self.latencies_ms), (50, 95))
            parts.append(f"latency p50 {p50:.0f} ms, p95 {p95:.0f} ms")
        parts.append(f"real-time factor {self.real_time_factor:.3f}")
        parts.append(f"{self.overflows} overflows")
        return ", ".join(parts)


class View(Protocol):
    """Where a session is shown. A context manager; `draw` after every change."""

    def __enter__(self) -> "View": ...
    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def draw(self, result: wire.Result | None = None) -> None: ...
    def rewritten(self, live: str, text: str) -> None: ...


def view(session: Session) -> View:
    """A screen where standard output is a terminal, else plain lines."""
    return Screen(session) if sys.stdout.isatty() else Lines(session)


class Lines:
    """For pipes: each final is one line on standard output, at once."""

    def __init__(self, session: Session):
        self.session = session

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        print(f"streamer: {self.session.summary()}", file=sys.stderr)

    def draw(self, result: wire.Result | None = None) -> None:
        if result is not None and result.kind == "final" and result.alternatives[0].text:
            print(result.alternatives[0].text, flush=True)

    def rewritten(self, live: str, text: str) -> None:
        print(f"offline: {text}", flush=True)


class Screen:
    """The terminal: finals above, the sentence that is being said below, level and figures last."""

    def __init__(self, session: Session, console: Console | None = None):
        self.session = session
        self._console = console or Console()
        self._live = Live(console=self._console, refresh_per_second=REFRESH_HZ, get_renderable=self.render)

    def __enter__(self) -> "Screen":
        self._live.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def draw(self, result: wire.Result | None = None) -> None:
        # Drawn a dozen times a second by itself; nothing to do for a single result.
        return

    def rewritten(self, live: str, text: str) -> None:
        for pair in self.session.finals:
            if pair[0] == live and not pair[1]:
                pair[1] = text
                return

    def render(self) -> Group:
        """The whole picture."""
        session, lines = self.session, [Text(self.session.title, style="dim")]
        for live, offline in session.finals:
            lines.append(Text(live, style="bold"))
            if offline:
                lines.append(Text(f"  {offline}", style="green"))
        sure, unsure = session.partial[: session.confirmed], session.partial[session.confirmed :]
        lines.append(Text.assemble((sure, "default"), (unsure, "dim italic"), ("▏", "cyan")))
        lines.append(Text.assemble(meter(session.level_dbfs), "  ", (session.summary(), "dim")))
        if session.warning:
            lines.append(Text(session.warning, style="yellow"))
        return Group(*lines)


def meter(level_dbfs: float) -> Text:
    """The level as a bar: green, yellow from -12 dBFS, red from -3."""
    share = (max(level_dbfs, QUIET_DBFS) - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)
    cells = round(min(1.0, share) * METER_CELLS)
    colour = "red" if level_dbfs > -3 else "yellow" if level_dbfs > -12 else "green"
    return Text.assemble(("█" * cells, colour), ("░" * (METER_CELLS - cells), "dim"))
