"""The picture of `streamer lab latency`: error against delay, one panel a task."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streamer.lab.drawing import SHADES, figure, save
from streamer.lab.latency.measure import DEPTH, Line, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# By layers; filled where a network reads one way, hollow where it reads back.
MARKS = {1: "v", 2: "o", 3: "^"}
FONT = 7.5
CLOSE = 9  # dots round a mark that belong to its own name
ROOM = 40  # dots that a name may reach into what is free beside a panel
# Of a name beside its point, in points; the first is the best.
PLACES = [(dx, dy) for away in (8, 12) for dy in (7, -7, 14, -14, 0) for dx in (away, -away)]
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
    made.canvas.draw()  # where things stand in dots is known from now on
    for panel, line, shade in zip(panels, lines, SHADES):
        _name(panel, _of_depth(line), shade)
    save(made, path)


def _panel(panel: "Axes", line: Line, shade: str) -> None:
    depths = sorted({point.depth for point in line.points})
    ordered = _of_depth(line)
    ahead = [p for p in ordered if not p.reads_back]
    back = [p for p in ordered if p.reads_back]
    for some, style in ((ahead, "-"), (back, ":")):
        panel.plot([p.delay for p in some], [100 * p.error for p in some], style, color=shade, linewidth=1.5)
    for point in line.points:
        error = 100 * point.error
        bars = [[max(0.0, error - 100 * point.low)], [max(0.0, 100 * point.high - error)]]
        panel.errorbar(
            point.delay,
            error,
            bars,
            color=shade,
            marker=MARKS.get(point.depth, "o"),
            markersize=6.5,
            capsize=2,
            elinewidth=0.8,
            markerfacecolor="white" if point.reads_back else shade,
        )
    panel.set_xscale("symlog", linthresh=LINEAR[line.unit], linscale=0.8)
    longest = max(point.delay for point in line.points)
    panel.set_xlim(-0.25 * LINEAR[line.unit], max(longest, LINEAR[line.unit]) * 9)
    ticks = [t for t in _ticks(line.unit) if t <= longest * 1.6]
    panel.set_xticks(ticks, [_shown(t, line.unit) for t in ticks])
    panel.xaxis.minorticks_off()
    panel.set_xlabel(
        "waits for, on average, ms of sound" if line.unit == "ms" else "waits for, on average, words"
    )
    panel.set_ylabel(f"{line.measure}, %")
    panel.set_title(f"{line.task}: {_legend(depths)}", fontsize=10, loc="left")
    low, high = panel.get_ylim()
    panel.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))


def _of_depth(line: Line) -> list[Point]:
    """The networks that have names and a line in the picture, by delay."""
    depths = sorted({point.depth for point in line.points})
    shown = DEPTH if DEPTH in depths else depths[0]
    return sorted((p for p in line.points if p.depth == shown), key=lambda p: p.delay)


def _name(panel: "Axes", points: Sequence[Point], shade: str) -> None:
    """The view beside each point, where it covers the fewest dots of lines, bars and other names."""
    taken = [panel.transData.transform(dots) for dots in _drawn(panel, points)]
    marks = panel.transData.transform([(one.delay, 100 * one.error) for one in points])
    taken += [mark + CLOSE * np.array([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]) for mark in marks]
    per_point = panel.figure.dpi / 72
    for point in points:
        x, y = panel.transData.transform((point.delay, 100 * point.error))
        width, height = (size * FONT * per_point for size in (0.5 * len(point.view), 1.1))
        left, bottom = panel.transAxes.transform((0, 0))
        right, top = panel.transAxes.transform((1, 1))

        def cost(place: tuple[int, int]) -> float:
            x0 = x + place[0] * per_point - (width if place[0] < 0 else 0)
            y0 = y + place[1] * per_point - height / 2
            covered = sum(
                ((dots > (x0 - 1, y0)) & (dots < (x0 + width, y0 + height))).all(1).sum() for dots in taken
            )
            outside = x0 < left or x0 + width > right + ROOM or y0 < bottom or y0 + height > top
            return covered + 100 * outside + 0.1 * (abs(place[0]) + abs(place[1]))

        dx, dy = min(PLACES, key=cost)
        panel.annotate(
            point.view,
            (point.delay, 100 * point.error),
            (dx, dy),
            textcoords="offset points",
            ha="left" if dx > 0 else "right",
            va="center",
            fontsize=FONT,
            color=shade,
        )
        x0, y0 = x + dx * per_point - (width if dx < 0 else 0), y + dy * per_point - height / 2
        corners = np.meshgrid(np.linspace(x0, x0 + width, 12), np.linspace(y0, y0 + height, 4))
        taken.append(np.stack([one.ravel() for one in corners], 1))


def _drawn(panel: "Axes", points: Sequence[Point]) -> list[np.ndarray]:
    """Dots [n, 2] of what is drawn, in the panel's own numbers: lines, bars and marks."""
    found = []
    for one in panel.get_lines():
        xy = np.asarray(one.get_xydata(), float)
        found.append(xy)
        found += [np.linspace(a, b, 25) for a, b in zip(xy, xy[1:])]
    bars = [(p.delay, np.linspace(100 * p.low, 100 * p.high, 60)) for p in points]
    found += [np.stack([np.full(len(y), x), y], 1) for x, y in bars]
    return [one for one in found if len(one)]


def _legend(depths: Sequence[int]) -> str:
    if len(depths) == 1:
        return "filled reads one way, hollow back too"
    names = {1: "down 1 layer", 2: "round 2", 3: "up 3"}
    return ", ".join(names[depth] for depth in depths if depth in names) + "; hollow reads back"


def _ticks(unit: str) -> list[float]:
    return [0, 50, 100, 200, 500, 1000, 2000, 5000, 10000] if unit == "ms" else [0, 1, 2, 4, 8, 16, 32]


def _shown(value: float, unit: str) -> str:
    return f"{value / 1000:g} s" if unit == "ms" and value >= 1000 else f"{value:g}"
