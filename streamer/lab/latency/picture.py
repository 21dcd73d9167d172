"""The picture of `streamer lab latency`: error against delay, one panel a task."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.lab.latency.measure import DEPTH, Line
from streamer.lab.pictures import SHADES, figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# By layers; filled where a network reads one way, hollow where it reads back.
MARKS = {1: "v", 2: "o", 3: "^"}
LINEAR = {"ms": 100.0, "words": 1.0}  # delays up to here stand at equal distances, longer ones closer


def draw(lines: Sequence[Line], path: Path) -> None:
    """Write the picture; the upper edge of each panel is its worst network."""
    columns = len(lines) if len(lines) < 4 else 2
    rows = -(-len(lines) // columns)
    made, panels = figure((4.6 if columns == 3 else 5.6) * columns, 4.3 * rows, rows, columns)
    for panel, line, shade in zip(panels, lines, SHADES):
        _panel(panel, line, shade)
    for panel in panels[len(lines) :]:
        panel.axis("off")
    save(made, path)


def _panel(panel: "Axes", line: Line, shade: str) -> None:
    depths = sorted({point.depth for point in line.points})
    line_of = DEPTH if DEPTH in depths else depths[0]
    ordered = sorted((p for p in line.points if p.depth == line_of), key=lambda p: p.delay)
    ahead = [p for p in ordered if not p.reads_back]
    back = [p for p in ordered if p.reads_back]
    for some, style in ((ahead, "-"), (back, ":")):
        panel.plot([p.delay for p in some], [100 * p.error for p in some], style, color=shade, linewidth=1.5)
    for point in line.points:
        error = 100 * point.error
        bars = [[max(0.0, error - 100 * point.low)], [max(0.0, 100 * point.high - error)]]
        panel.errorbar(
            point.delay, error, bars, color=shade, marker=MARKS.get(point.depth, "o"), markersize=6.5, capsize=2,
            elinewidth=0.8, markerfacecolor="white" if point.reads_back else shade,
        )  # fmt: skip
    panel.set_xscale("symlog", linthresh=LINEAR[line.unit], linscale=0.8)
    longest = max(point.delay for point in line.points)
    panel.set_xlim(-0.25 * LINEAR[line.unit], max(longest, LINEAR[line.unit]) * 4.5)
    ticks = [t for t in _ticks(line.unit) if t <= longest * 1.6]
    panel.set_xticks(ticks, [_shown(t, line.unit) for t in ticks])
    panel.xaxis.minorticks_off()
    for number, point in enumerate(ordered):
        above = number % 2 == 0
        panel.annotate(
            point.view, (point.delay, 100 * point.error), (7, 5 if above else -5), textcoords="offset points",
            ha="left", va="bottom" if above else "top", fontsize=7.5, color=shade,
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    panel.set_xlabel("waits for, on average, ms of sound" if line.unit == "ms" else "waits for, on average, words")
    panel.set_ylabel(f"{line.measure}, %")
    panel.set_title(f"{line.task}: {_legend(depths)}", fontsize=10, loc="left")
    low, high = panel.get_ylim()
    panel.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))


def _legend(depths: Sequence[int]) -> str:
    if len(depths) == 1:
        return "filled reads one way, hollow back too"
    names = {1: "down 1 layer", 2: "round 2", 3: "up 3"}
    return ", ".join(names[depth] for depth in depths if depth in names) + "; hollow reads back"


def _ticks(unit: str) -> list[float]:
    return [0, 50, 100, 200, 500, 1000, 2000, 5000, 10000] if unit == "ms" else [0, 1, 2, 4, 8, 16, 32]


def _shown(value: float, unit: str) -> str:
    return f"{value / 1000:g} s" if unit == "ms" and value >= 1000 else f"{value:g}"
