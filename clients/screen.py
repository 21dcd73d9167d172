"""A live session on a terminal: finals, the sentence that is being said, level and figures."""

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.text import Text

from streamer import wire
from streamer.clients.caption_forms import best_text
from streamer.clients.live_area import LiveArea
from streamer.clients.live_figures import METER_CELLS, Figures, meter

OFFLINE = "offline"  # the network that rewrites finals
SHOWN_FINALS, MOST_FINALS = 4, 12  # that may still change: those with all that is said of them, and any
REFRESH_S = 1 / 12
QUOTED = 24  # characters of a final that a late remark is about


@dataclass
class Final:
    """An utterance that has ended; `remarks` is what models of text say of it, by model.

    `number` counts finals from 1.
    """

    result: wire.Result
    number: int
    live: str
    offline: str | None = None
    remarks: dict[str, list[Text]] = field(default_factory=dict)

    @property
    def told(self) -> set[str]:
        """Whose word on it has come."""
        return {*self.remarks, *([OFFLINE] if self.offline is not None else [])}

    def text(self) -> Text:
        """Its line, the offline network's where there is one, and a line for each model below."""
        rewritten = self.offline is not None
        lines = [Text(self.offline or "", style="bold green") if rewritten else Text(self.live, style="bold")]
        for model, texts in self.remarks.items():
            lines.append(Text.assemble((f"  {model}: ", "dim"), Text(" ").join(texts)))
        return Text("\n").join(lines)


class Screen:
    """Finals scroll into the terminal's history; the newest words are in the window, whatever its size.

    A final waits in the area for what is still to be said of it: by those of `waits_for`, and by every model
    that has said something of a final before.
    """

    def __init__(self, figures: Figures, waits_for: Collection[str] = (), console: Console | None = None):
        self.figures = figures
        self._waits_for = set(waits_for)
        self._finals: deque[Final] = deque()
        self._partial, self._confirmed = "", 0
        self._count = 0  # finals so far
        self._area = LiveArea(console or Console())
        self._due = 0.0

    def __enter__(self) -> "Screen":
        self._area.__enter__()
        self.draw()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            while self._finals:
                self._area.print(self._finals.popleft().text())
            self.draw()
        finally:
            self._area.__exit__(kind, error, trace)

    def show(self, result: wire.Result) -> None:
        if result.kind == "partial":
            self._partial, self._confirmed = best_text(result), result.confirmed
        elif result.kind == "final":
            self._partial, self._confirmed = "", 0
            if text := best_text(result):
                self._count += 1
                self._finals.append(Final(result, self._count, text))

    def rewritten(self, before: wire.Result, after: wire.Result) -> None:
        for final in self._finals:
            if (final.result.stream, final.result.seq) == (before.stream, before.seq):
                final.offline = best_text(after)
                return
        self._area.print(late(OFFLINE, Text(best_text(after)), best_text(before)))

    def derived(self, final: int, model: str, text: Text) -> None:
        self._waits_for.add(model)
        for shown in self._finals:
            if shown.number == final:
                shown.remarks.setdefault(model, []).append(text)
                return
        self._area.print(late(model, text))

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + REFRESH_S
            self.draw()

    def draw(self) -> None:
        """Draw what is known by now."""
        columns, rows = self._area.size
        footer = self._footer(columns)
        while self._finals and self._leaves(self._finals[0], rows - 1 - len(footer)):
            self._area.print(self._finals.popleft().text())
        self._area.draw(self._body(), footer)

    def _leaves(self, oldest: Final, room: int) -> bool:
        """Whether the oldest final goes up: nothing more is awaited, and newer ones need its place."""
        if len(self._finals) > MOST_FINALS:
            return True
        crowded = len(self._finals) > SHOWN_FINALS or len(self._area.wrapped(self._body())) > room
        return crowded and self._waits_for <= oldest.told

    def _body(self) -> list[Text]:
        partial = self._partial
        confirmed, tentative = partial[: self._confirmed], partial[self._confirmed :]
        spoken = Text.assemble(confirmed, (tentative, "dim italic"), ("▏", "cyan"))
        return [*(final.text() for final in self._finals), spoken]

    def _footer(self, columns: int) -> list[Text]:
        figures = self.figures
        bar = meter(figures.level_dbfs, min(METER_CELLS, columns // 3))
        lines = [
            Text.assemble(bar, "  ", (figures.title, "dim")),
            Text(figures.line(columns), style="dim"),
        ]
        warning = Text(figures.warning, style="yellow").wrap(self._area.console, columns)
        return [*lines, *warning[:2]] if figures.warning else lines


def late(model: str, text: Text, about: str = "") -> Text:
    """A remark that came when its final had scrolled away."""
    quoted = f"{about[:QUOTED].rstrip()}… " if about else ""
    return Text.assemble((f"  {model}: {quoted}", "dim"), text)
