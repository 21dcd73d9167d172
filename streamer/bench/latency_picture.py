"""A picture of a bench: how late results are, by the number of streams."""

from collections.abc import Sequence
from pathlib import Path

from streamer.bench.live_streams import P99_LIMIT_MS, BenchReport
from streamer.output_file import replacing


def draw(runs: Sequence[BenchReport], path: Path) -> None:
    """Write a PNG or SVG of the runs. ValueError for a file that can't be written so, and without results."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    known = sorted((run for run in runs if run.results), key=lambda run: run.streams)
    if not known:
        raise ValueError(f"{path}: no run had results; let the streams speak for longer")
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for run in known:
        if not run.held:
            axes.axvline(run.streams, color="0.85", linewidth=1, zorder=0)
    axes.axhline(P99_LIMIT_MS, color="0.5", linewidth=1, zorder=1)
    axes.annotate(
        "held: 99 % below this",
        (0, P99_LIMIT_MS),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=8,
        color="0.3",
    )
    streams = [run.streams for run in known]
    p50, p95, p99 = ([getattr(run, name) for run in known] for name in ("p50_ms", "p95_ms", "p99_ms"))
    for label, latencies, style, marker in (
        ("99 %", p99, ":", "^"),
        ("95 %", p95, "--", "s"),
        ("50 %", p50, "-", "o"),
    ):
        axes.plot(streams, latencies, style, marker=marker, color="black", markersize=4, label=label)
    axes.set(
        xlabel="live streams (grey: not held)",
        ylabel="ms from frame to result",
        yscale="log",
        title=f"{known[0].model} on {known[0].device}",
    )
    # The limit is always seen, and so are ticks on both sides of the points.
    axes.set_ylim(min(p50) / 2, 2 * max(*p99, P99_LIMIT_MS))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0, 1.06 * streams[-1])
    axes.legend(loc="upper left", frameon=False)
    try:
        with replacing(path) as partial:
            figure.savefig(partial, dpi=130)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; name a .png or a .svg") from None
    finally:
        pyplot.close(figure)
