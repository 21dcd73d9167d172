"""What an evaluation is given, and what it finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamer.config import Config
from streamer.errors import WrongCall
from streamer.evaluation.stopwatch import Stopwatch

Figures = dict[str, float | int | str | bool | list | None]
CHUNK_MS = 40
Progress = Callable[[float], None]  # called with the seconds of input done


@dataclass(frozen=True)
class Job:
    """One evaluation: which file, through which model of `config`, in what chunks."""

    path: Path
    model: str
    config: Config
    chunk_ms: int = CHUNK_MS
    progress: Progress = lambda seconds: None
    lookahead: int | None = None  # words that a live model of text waits for; None: the task's own


@dataclass(frozen=True)
class Measured:
    """The figures of a task; `seconds` of input, and the time from its first input to its last result."""

    examples: int
    seconds: float
    watch: Stopwatch
    figures: Figures


@dataclass(frozen=True)
class Mode:
    """One way to run a task: the model that is taken where none is named, and the evaluation."""

    model: str
    measure: Callable[[Job], Measured]


@dataclass(frozen=True)
class Task:
    """A task and its modes, by name."""

    name: str
    modes: Mapping[str, Mode]

    def mode(self, name: str) -> Mode:
        """The mode of that name. WrongCall lists those that there are."""
        if name not in self.modes:
            raise WrongCall(f"{self.name} has no mode {name!r}; it has {', '.join(self.modes)}")
        return self.modes[name]
