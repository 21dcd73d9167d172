"""How many streams this machine holds: double until it fails, then search between."""

from collections.abc import Callable
from pathlib import Path

from streamer.bench.live_streams import BenchReport, bench
from streamer.bench.product_rate import Peak
from streamer.config import Config

FIRST = 64  # streams
CLOSE = 1.05  # the answer is held, and this much more is not
MOST = 16_384


def search(
    config: Config,
    model: str,
    seconds: float,
    file: Path,
    progress: Callable[[BenchReport], None],
    checkpoint_ms: int = 0,
) -> list[BenchReport]:
    """The runs that find the largest number of streams held, in their order; `progress` takes each.

    ValueError as `bench`; also where not even one stream is held.
    """
    runs: list[BenchReport] = []
    held, lost, streams = 0, 0, FIRST
    peak = Peak(config, model)
    while 1 <= streams <= MOST:
        runs.append(bench(config, model, streams, seconds, file, peak, checkpoint_ms))
        progress(runs[-1])
        if runs[-1].held:
            held = streams
        else:
            lost = streams
        if lost and (lost <= held * CLOSE or lost - held <= 1):
            break
        streams = (held + lost) // 2 if lost else held * 2
    if not held:
        raise ValueError(f"this machine doesn't hold a single stream of {model}")
    return runs


def best(runs: list[BenchReport]) -> BenchReport:
    """The run with the most streams held."""
    return max((run for run in runs if run.held), key=lambda run: run.streams)
