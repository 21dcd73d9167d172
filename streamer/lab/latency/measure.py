"""Networks of equal size that differ in what they may see: trained, scored, written down."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file

from streamer.errors import WrongCall
from streamer.lab.latency.phone_task import PhoneTask
from streamer.lab.latency.task import Error, LatencyTask, Scored
from streamer.lab.latency.translation_task import TranslationTask
from streamer.lab.latency.views import View
from streamer.lab.latency.word_tasks import EntityTask, SummaryTask
from streamer.lab.rounded_json import write_json
from streamer.models.training.fit import fit

TASKS = ("captions", "entities", "translation", "summary")
DEPTH = 2  # of every view; the first and the last have the others, too
DEPTHS = (1, 2, 3)
DRAWS = 1000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Point:
    """One network: what it waits, how wrong it is with 95 % bounds, and what it costs.

    `cpu_seconds` are those of an hour of speech, on one thread.
    """

    view: str
    reads_back: bool
    depth: int
    parameters: int
    delay: float
    error: float
    low: float
    high: float
    cpu_seconds: float


@dataclass(frozen=True)
class Line:
    """All networks of a task; `unit` is that of a delay, the mean over what is said."""

    task: str
    unit: str
    measure: str
    points: list[Point]


class Compared(NamedTuple):
    """A network of the comparison."""

    view: View
    depth: int

    def name(self, task: str) -> str:
        """As --only knows it."""
        return f"{task}/{self.view.name.replace(' ', '-')}/{self.depth}"


def compared(views: Sequence[View]) -> Iterator[Compared]:
    """Depth 2 in every view; depths 1 and 3 where nothing is waited for and where all is."""
    for view in views:
        for depth in DEPTHS if view in (views[0], views[-1]) else (DEPTH,):
            yield Compared(view, depth)


def task_named(name: str, data: Path, runs: Path, progress: Progress) -> LatencyTask[Any]:
    """The task of that name with its data, from the folder that holds speech/ and text/."""
    progress(f"reading the data of {name}")
    if name == "captions":
        return PhoneTask(data, runs / "shards", progress)
    if name == "translation":
        return TranslationTask(data, runs / "latency" / "translation")
    return EntityTask(data) if name == "entities" else SummaryTask(data)


def measure(
    data: Path, runs: Path, tasks: Sequence[str], only: str, updates: int | None, progress: Progress
) -> list[Line]:
    """Train what `runs` doesn't hold yet, each network once, and score it.

    `only` is a pattern of names such as "entities/*/2"; ValueError where it names none.
    """
    unknown = sorted(set(tasks) - set(TASKS))
    if unknown:
        raise WrongCall(f"no task is called {unknown[0]!r}; there are {', '.join(TASKS)}")
    torch.set_num_threads(1)
    lines = []
    for name in tasks:
        task = task_named(name, data, runs, progress)
        chosen = [network for network in compared(task.views) if fnmatch(network.name(name), only)]
        points = [_point(task, network, runs / "latency", updates, progress) for network in chosen]
        lines += [Line(name, task.unit, task.measure, points)] if points else []
    if not lines:
        raise WrongCall(f"--only {only!r} names no network; they are called like entities/both-ways/2")
    return lines


def _point(
    task: LatencyTask[Any], compared: Compared, runs: Path, updates: int | None, progress: Progress
) -> Point:
    name, view = compared.name(task.name), compared.view
    run = runs / name
    run.mkdir(parents=True, exist_ok=True)
    network = task.network(view, compared.depth)
    updates = updates or task.pace.updates
    pace = replace(task.pace, updates=updates, check_every=updates)  # at the end alone: dev chooses nothing

    def loss(number: int, chosen: np.ndarray) -> torch.Tensor:
        return task.loss(network, number, chosen)

    def check(averaged: torch.nn.Module) -> dict[str, float]:
        return {"score": 1 - task.error(task.scored(averaged, view).counts.sum(0))}

    def report(text: str) -> None:
        progress(f"{name}: {text}")

    weights = fit(network, pace, task.batches(), loss, check, run, resume=True, progress=report)
    network.load_state_dict({key: value.float() for key, value in load_file(weights).items()})
    network.eval()
    began = time.process_time()
    scored = task.scored(network, view)
    seconds = (time.process_time() - began) / scored.amount.sum()
    error, low, high = bounds(task.error, scored)
    delay = float(scored.waited.sum() / scored.outputs.sum())
    parameters = sum(part.numel() for part in network.parameters())
    report(f"error {error:.3f} after {delay:.1f} {task.unit}")
    return Point(view.name, view.both_ways, compared.depth, parameters, delay, error, low, high, seconds)


def bounds(error: Error, scored: Scored) -> tuple[float, float, float]:
    """The error and where 95 % of its draws lie, the examples drawn with replacement (Efron 1979)."""
    random, count = np.random.default_rng(1), len(scored.counts)
    draws = [error(scored.counts[random.integers(count, size=count)].sum(0)) for _ in range(DRAWS)]
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(error(scored.counts.sum(0))), float(low), float(high)


def write(lines: Sequence[Line], path: Path) -> Path:
    """The lines as JSON."""
    return write_json([asdict(line) for line in lines], path)


def read(path: Path) -> list[Line]:
    """What `write` wrote."""
    return [
        Line(**line | {"points": [Point(**point) for point in line["points"]]})
        for line in json.loads(path.read_text("utf-8"))
    ]


def joined(lines: Sequence[Line], path: Path) -> list[Line]:
    """The lines, and those of other tasks that were written to `path` before, in the order of TASKS."""
    before = read(path) if path.exists() else []
    known = {line.task: line for line in (*before, *lines)}
    return [known[task] for task in TASKS if task in known]


def show(lines: Sequence[Line]) -> None:
    """A table for each task, on standard output."""
    for line in lines:
        table = Table(title=f"{line.task}: {line.measure}")
        for column in ("sees", "layers", "weights", f"waits, {line.unit}", "error", "95 %", "CPU s an hour"):
            table.add_column(column, justify="left" if column == "sees" else "right")
        for point in line.points:
            depth, weights = str(point.depth or ""), f"{point.parameters:,}"
            interval, seconds = f"{point.low:.3f} to {point.high:.3f}", f"{point.cpu_seconds:.2f}"
            delay, error = f"{point.delay:.1f}", f"{point.error:.3f}"
            table.add_row(point.view, depth, weights, delay, error, interval, seconds)
        Console(width=110).print(table)
