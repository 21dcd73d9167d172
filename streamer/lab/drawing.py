"""Pictures: one look, colours that survive a grey print, names beside the lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streamer.lab.intervals import Interval
from streamer.output_file import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# From dark to light in grey too; the marks differ besides.
COLOURS = {"lstm": "#0b3c5d", "gru": "#c1440e", "rnn": "#8fae3c"}
MARKS = {"lstm": "o", "gru": "s", "rnn": "^"}
NAMES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
SHADES = ("#0b3c5d", "#c1440e", "#5b8c9e", "#8fae3c", "#e0a458")
DOTS_PER_INCH = 110
APART = 0.06  # of the axes' height, between the names of two lines

End = tuple[str, float, float, str]  # of a line: its name, the last point's x and y, its colour


def figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple["Figure", list["Axes"]]:
    """A figure of that many inches and its axes, row by row, without a frame at the top and the right."""
    # Imported late: it takes a second, and few commands draw.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    axes = made.subplots(rows, columns, squeeze=False).ravel().tolist()
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    return made, axes


def save(made: "Figure", path: Path) -> None:
    """Write the figure as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        made.savefig(partial, dpi=DOTS_PER_INCH)


def draw_cell(axes: "Axes", cell: str, x: Sequence[float], y: Sequence[float], **look: Any) -> End:
    """Draw the line of a kind of cell in its colour and with its mark; returns its end."""
    axes.plot(x, y, color=COLOURS[cell], marker=MARKS[cell], **look)
    return NAMES[cell], x[-1], y[-1], COLOURS[cell]


def in_percent(intervals: Sequence[Interval]) -> tuple[np.ndarray, np.ndarray]:
    """Means [n], and the lengths of their error bars [2, n] down and up."""
    mean, low, high = 100 * np.array(intervals).T
    return mean, np.maximum([mean - low, high - mean], 0)


def label_ends(axes: "Axes", ends: Sequence[End]) -> None:
    """Write the names of lines beside their last points.

    Names whose points are near each other are moved apart, by `APART` of the axes' height.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    placed = sorted(
        ((*to_axes.transform((x, y)), name, colour) for name, x, y, colour in ends), key=lambda p: p[1]
    )
    heights = np.array([height for _, height, _, _ in placed])
    for at in range(1, len(heights)):
        heights[at] = max(heights[at], heights[at - 1] + APART)
    # From the top down again, so that a crowd there stays inside.
    heights[-1] = min(heights[-1], 1 - APART / 2)
    for at in range(len(heights) - 2, -1, -1):
        heights[at] = min(heights[at], heights[at + 1] - APART)
    for (x, _, name, colour), height in zip(placed, heights):
        axes.text(
            x + 0.025, height, name, color=colour, transform=axes.transAxes, va="center", fontweight="bold"
        )
