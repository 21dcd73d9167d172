"""The commands that train; each goes on where its last run ended."""

import sys
from functools import partial
from pathlib import Path

_say = partial(print, file=sys.stderr, flush=True)


def captions(
    data: Path,
    out: Path,
    mode: str,
    updates: int | None,
    rate: float | None,
    start: Path | None,
    resume: bool,
    threads: int,
) -> None:
    """Train a recogniser; the path of its best weights goes to standard output."""
    from models.training.captions import RECIPES, train_captions

    if mode not in RECIPES:
        raise ValueError(f"mode {mode!r}; there are {', '.join(RECIPES)}")
    best = train_captions(
        data,
        out,
        mode,
        updates=updates,
        learning_rate=rate,
        start=start,
        resume=resume,
        threads=threads,
        progress=_say,
    )
    print(best)


def commands(data: Path, out: Path, threads: int) -> None:
    """Train the spotter; the path of its weights goes to standard output."""
    from models.training.commands import train_commands

    print(train_commands(data, out, threads=threads, progress=_say))


def language(data: Path, out: Path) -> None:
    """Build lexicon.bin and lm.bin in `out`."""
    from models.training.language import build_language

    build_language(data, out, _say)
