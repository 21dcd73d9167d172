"""`streamer evaluate`: one task, one file, one model, one mode; a JSON line or a table."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from streamer.config import Config, ModelOptions
from streamer.errors import WrongCall
from streamer.evaluation.job import Figures, Job, Mode
from streamer.evaluation.job import Progress as Told
from streamer.evaluation.tasks import TASKS

DEFAULT_CHUNK_MS = 40


def evaluate(
    task: str,
    path: Path,
    config: Config,
    model: str | None = None,
    mode: str = "live",
    chunk_ms: int = DEFAULT_CHUNK_MS,
) -> Figures:
    """The figures of `task` over the file `path`, by key.

    Raises ValueError, one line, for a task or mode that there isn't and for a file that cannot be read.
    """
    return run(task, mode, choose(task, mode), path, config, model, chunk_ms)


def choose(task: str, mode: str) -> Mode:
    """The mode of a task, from the table."""
    if task not in TASKS:
        raise WrongCall(f"task {task!r} is not known; there are {', '.join(sorted(TASKS))}")
    modes = TASKS[task].modes
    if mode not in modes:
        raise WrongCall(f"{task} has no mode {mode!r}; it has {', '.join(modes)}")
    return modes[mode]


def run(
    task: str,
    name: str,
    mode: Mode,
    path: Path,
    config: Config,
    model: str | None,
    chunk_ms: int,
    lookahead: int | None = None,
) -> Figures:
    """Measure `mode`, called `name`, of `task`, and set what every task shares in front of its figures.

    `model` is a name or a model's folder, as a training leaves it; None is the mode's own.
    """
    if not 1 <= chunk_ms <= config.server.window_ms:
        raise WrongCall(f"chunks of {chunk_ms} ms; give 1 to {config.server.window_ms}, a stream's window")
    config, model = with_folder(config, model or mode.model)
    with progress(f"{task} {name} {path.parent.name}") as told:
        measured = mode.measure(Job(path, model, config, chunk_ms, told, lookahead))
    watch = measured.watch
    return {
        "task": task,
        "model": model,
        "mode": name,
        "examples": measured.examples,
        "seconds": round(measured.seconds, 3),
        "wall_seconds": round(watch.wall_seconds, 3),
        "cpu_seconds": round(watch.cpu_seconds, 3),
        "rtf": round(watch.wall_seconds / measured.seconds, 5) if measured.seconds else None,
        **measured.figures,
    }


def show(figures: Figures, as_json: bool) -> None:
    """Figures on standard output: one line of JSON, or a table."""
    if as_json:
        print(json.dumps(figures))
        return
    table = Table("figure", "value")
    for key, value in figures.items():
        shown = f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
        table.add_row(key, shown)
    Console().print(table)


def with_folder(config: Config, model: str) -> tuple[Config, str]:
    """The config in which `model`, a name or a folder, has a name, and that name."""
    folder = Path(model)
    if not model or not (folder / "card.toml").is_file():
        return config, model
    name = folder.resolve().name
    return replace(config, models=config.models | {name: ModelOptions(str(folder))}), name


@contextmanager
def progress(what: str) -> Iterator[Told]:
    """Seconds of input done, on standard error, and on a terminal alone."""
    columns = TextColumn("{task.description}"), TextColumn("{task.completed:.0f} s of input")
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda seconds: bar.advance(task, seconds)
