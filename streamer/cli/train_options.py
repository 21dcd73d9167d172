"""What every `streamer train` is told: the data, where the run is kept, how long it takes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from streamer.cli.command import argument, option
from streamer.cli.options import MODES, Configured, Mode, existing

SEED = "The same seed gives the same run."


@dataclass(frozen=True, kw_only=True)
class Learning(Configured):
    """What is learnt from."""

    data: Path = argument("DATA", "The folder that holds speech/, text/ and music/.")


class TrainingArguments(TypedDict):
    """What every training is told: how long it takes, on how many threads, and who hears of it."""

    updates: int | None
    resume: bool
    threads: int
    progress: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Training(Learning):
    """A run: what it learns from, where it is kept, how long it takes."""

    out: Path = option(
        Path("runs"), "DIR", "Where shards, checkpoints, logs and weights go.", file_okay=False
    )
    updates: int | None = option(None, "N", "How many updates.", usual="the recipe's", min=1)
    resume: bool = option(
        True, "", "Go on with the run that --out holds, or begin again.", name="--resume/--fresh"
    )
    threads: int | None = option(None, "N", "Threads of the training steps.", usual="the config's", min=1)

    def steps(self, *parts: str) -> TrainingArguments:
        """How the training goes, after the config and the folder have been checked.

        A wrong folder is refused at once, not after an hour with what an earlier run had cached.
        """
        threads = self.threads or self.settings().engine.threads
        check_folder(self.data, *parts)
        return {"updates": self.updates, "resume": self.resume, "threads": threads, "progress": say}


@dataclass(frozen=True, kw_only=True)
class ModeTraining(Training):
    """A training of one of two networks."""

    mode: Mode = option("live", MODES, "Which of the two networks.")


@dataclass(frozen=True, kw_only=True)
class TunedTraining(Training):
    """A training that may begin elsewhere, and learn at another rate."""

    rate: float | None = option(None, "RATE", "The learning rate.", usual="the recipe's", min=1e-8)
    start: Path | None = option(
        None, "WEIGHTS", "Begin with these weights of the same network.", name="--from", check=existing
    )


def check_folder(data: Path, *parts: str) -> None:
    """ValueError where DATA has no folder of one of the names `parts`."""
    for part in parts:
        if not (data / part).is_dir():
            raise ValueError(
                f"{data / part} is no folder; DATA is the folder that holds {' and '.join(parts)}"
            )


def say(line: object) -> None:
    """A line of progress, to standard error."""
    print(line, file=sys.stderr, flush=True)
