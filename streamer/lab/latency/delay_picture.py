"""The picture of `streamer lab latency`: error against delay, one panel a task."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamer.lab.drawing import SHADES, figure, save
from streamer.lab.latency.measure import DEPTH, Line, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# By layers; filled where a network reads one way, hollow where it reads back.
MARKS = {1: "v", 2: "o", 3: "^"}
FONT = 7.5
CLOSE = 9  # dots round a mark that belong to its own name
BESIDE = 40  # dots that a name may reach into what is free beside a panel
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
    for group, style in ((ahead, "-"), (back, ":")):
        delays, errors = [p.delay for p in group], [100 * p.error for p in group]
        panel.plot(delays, errors, style, color=shade, linewidth=1.5)
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
    panel.set_xlabel(f"waits for, on average, {'ms of sound' if line.unit == 'ms' else 'words'}")
    panel.set_ylabel(f"{line.measure}, %")
    panel.set_title(f"{line.task}: {_legend(depths)}", fontsize=10, loc="left")
    low, high = panel.get_ylim()
    panel.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))


def _of_depth(line: Line) -> list[Point]:
    """The networks that have names and a line in the picture, by delay."""
    depths = sorted({point.depth for point in line.points})
    shown = DEPTH if DEPTH in depths else depths[0]
    return sorted((p for p in line.points if p.depth == shown), key=lambda p: p.delay)


class Box(NamedTuple):
    """A rectangle, in dots."""

    left: float
    bottom: float
    right: float
    top: float

    def covered(self, dots: np.ndarray) -> int:
        """How many of `dots` [n, 2] lie in it."""
        low, high = (self.left - 1, self.bottom), (self.right, self.top)
        return int(((dots > low) & (dots < high)).all(1).sum())

    def inside(self, other: "Box") -> bool:
        """Whether it lies in `other`."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.bottom <= self.bottom and self.top <= other.top

    def grid(self) -> np.ndarray:
        """Dots [48, 2] that fill it."""
        x, y = np.linspace(self.left, self.right, 12), np.linspace(self.bottom, self.top, 4)
        return np.stack([axis.ravel() for axis in np.meshgrid(x, y)], 1)


def _name(panel: "Axes", points: Sequence[Point], shade: str) -> None:
    """The view beside each point, where it covers the fewest dots of lines, bars and other names."""
    taken = [panel.transData.transform(dots) for dots in _drawn(panel, points)]
    marks = panel.transData.transform([(point.delay, 100 * point.error) for point in points])
    taken += [mark + CLOSE * np.array([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]) for mark in marks]
    per_point = panel.figure.dpi / 72
    left, bottom = panel.transAxes.transform((0, 0))
    right, top = panel.transAxes.transform((1, 1))
    free = Box(left, bottom, right + BESIDE, top)
    for point, mark in zip(points, marks):
        boxes = {place: _box(mark, place, len(point.view), per_point) for place in PLACES}
        costs = {
            place: sum(box.covered(dots) for dots in taken)
            + 100 * (not box.inside(free))
            + 0.1 * (abs(place[0]) + abs(place[1]))
            for place, box in boxes.items()
        }
        place = min(costs, key=costs.__getitem__)
        panel.annotate(
            point.view,
            (point.delay, 100 * point.error),
            place,
            textcoords="offset points",
            ha="left" if place[0] > 0 else "right",
            va="center",
            fontsize=FONT,
            color=shade,
        )
        taken.append(boxes[place].grid())


def _box(mark: np.ndarray, place: tuple[int, int], letters: int, per_point: float) -> Box:
    """Where a name of so many letters stands that is `place`, in points, away from `mark`, in dots."""
    width, height = (size * FONT * per_point for size in (0.5 * letters, 1.1))
    x = mark[0] + place[0] * per_point - (width if place[0] < 0 else 0)
    y = mark[1] + place[1] * per_point - height / 2
    return Box(x, y, x + width, y + height)


def _drawn(panel: "Axes", points: Sequence[Point]) -> list[np.ndarray]:
    """Dots [n, 2] of what is drawn, in the panel's own numbers: lines, bars and marks."""
    drawn = []
    for line in panel.get_lines():
        xy = np.asarray(line.get_xydata(), float)
        drawn += [xy, *(np.linspace(a, b, 25) for a, b in zip(xy, xy[1:]))]
    bars = [(p.delay, np.linspace(100 * p.low, 100 * p.high, 60)) for p in points]
    drawn += [np.stack([np.full(len(y), x), y], 1) for x, y in bars]
    return [dots for dots in drawn if len(dots)]


def _legend(depths: Sequence[int]) -> str:
    if len(depths) == 1:
        return "filled reads one way, hollow back too"
    names = {1: "down 1 layer", 2: "round 2", 3: "up 3"}
    return ", ".join(names[depth] for depth in depths if depth in names) + "; hollow reads back"


def _ticks(unit: str) -> list[float]:
    return [0, 50, 100, 200, 500, 1000, 2000, 5000, 10000] if unit == "ms" else [0, 1, 2, 4, 8, 16, 32]


def _shown(value: float, unit: str) -> str:
    return f"{value / 1000:g} s" if unit == "ms" and value >= 1000 else f"{value:g}"
