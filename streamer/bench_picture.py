"""A picture of a bench: how late results are, by the number of streams."""

from collections.abc import Sequence
from pathlib import Path

from streamer.bench import P99_LIMIT_MS, BenchReport


def draw(runs: Sequence[BenchReport], path: Path) -> None:
    """Write a PNG or SVG of the runs. ValueError for a file that can't be written so."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    known = sorted((run for run in runs if run.p99_ms is not None), key=lambda run: run.streams)
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for name, style, marker in (("p50_ms", "-", "o"), ("p95_ms", "--", "s"), ("p99_ms", ":", "^")):
        points = [(run.streams, getattr(run, name)) for run in known]
        axes.plot(*zip(*points), style, marker=marker, color="black", markersize=4)
        axes.annotate(
            f"{name[1:3]} %", points[-1], xytext=(6, 0), textcoords="offset points", va="center"
        )
    for run in known:
        if not run.held:
            axes.axvline(run.streams, color="0.8", linewidth=1, zorder=0)
    axes.axhline(P99_LIMIT_MS, color="0.5", linewidth=1)
    axes.annotate("a run is held below this", (known[0].streams, P99_LIMIT_MS), xytext=(0, 4), textcoords="offset points")
    axes.set(
        xlabel="live streams (grey: not held)",
        ylabel="ms from frame to result",
        yscale="log",
        title=f"{known[0].model} on {known[0].device}",
    )
    axes.set_xlim(0, 1.12 * known[-1].streams)
    try:
        figure.savefig(path, dpi=130)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; name a .png or a .svg") from None
    finally:
        pyplot.close(figure)
