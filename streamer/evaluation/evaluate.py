"""One task, one file, one model, one mode: its figures, and the time that they took."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from streamer.errors import WrongCall
from streamer.evaluation.job import Figures, Job, Mode
from streamer.evaluation.job import Progress as Report


def run(task: str, name: str, mode: Mode, job: Job) -> Figures:
    """The figures of `mode`, called `name`, of `task`, after those that every task shares.

    Raises ValueError, one line, for a file that cannot be read.
    """
    window_ms = job.config.server.window_ms
    if not 1 <= job.chunk_ms <= window_ms:
        raise WrongCall(f"chunks of {job.chunk_ms} ms; give 1 to {window_ms}, a stream's window")
    with progress(f"{task} {name} {job.path.parent.name}") as report:
        measured = mode.measure(replace(job, progress=report))
    watch = measured.watch
    return {
        "task": task,
        "model": job.model,
        "mode": name,
        "examples": measured.examples,
        "seconds": round(measured.seconds, 3),
        "wall_seconds": round(watch.wall_seconds, 3),
        "cpu_seconds": round(watch.cpu_seconds, 3),
        "rtf": round(watch.wall_seconds / measured.seconds, 5) if measured.seconds else None,
        **measured.figures,
    }


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Takes the seconds of input that are done; shows them on standard error, on a terminal only."""
    columns = TextColumn("{task.description}"), TextColumn("{task.completed:.0f} s of input")
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda seconds: bar.advance(task, seconds)
