"""Any task by its name: a new task is one entry here, and a command of `streamer evaluate`."""

from pathlib import Path

from streamer.config import Config, with_model
from streamer.errors import WrongCall
from streamer.evaluation import (
    agreement,
    captions,
    commands,
    entities,
    music,
    sentiment,
    summary,
    translation,
)
from streamer.evaluation.evaluate import run
from streamer.evaluation.job import CHUNK_MS, Figures, Job

TASKS = {
    task.name: task
    for task in (
        captions.TASK,
        commands.TASK,
        entities.TASK,
        sentiment.TASK,
        summary.TASK,
        translation.TASK,
        music.TASK,
        agreement.TASK,
    )
}


def evaluate(
    task: str,
    path: Path,
    config: Config,
    model: str | None = None,
    mode: str = "live",
    chunk_ms: int = CHUNK_MS,
) -> Figures:
    """The figures of `task` over the file `path`, by key; `model` is a name or a folder, None the task's own.

    Raises ValueError, one line, for a task or mode that there isn't and for a file that cannot be read.
    """
    if task not in TASKS:
        raise WrongCall(f"task {task!r} is not known; there are {', '.join(sorted(TASKS))}")
    chosen = TASKS[task].mode(mode)
    config, model = with_model(config, model or chosen.model)
    return run(task, mode, chosen, Job(path, model, config, chunk_ms))
