"""The commands that train; each goes on where its last run ended."""

import sys
from functools import partial
from pathlib import Path

from streamer.config import read_config
from streamer.wrong_call import WrongCall

_say = partial(print, file=sys.stderr, flush=True)


def captions(
    config_file: Path | None,
    data: Path,
    out: Path,
    mode: str,
    updates: int | None,
    rate: float | None,
    start: Path | None,
    synthetic_hours: float,
    kokoro_hours: float,
    with_unlabelled: bool,
    dropout: float | None,
    resume: bool,
    threads: int | None,
) -> None:
    """Train a recogniser; the path of its best weights goes to standard output."""
    from models.training.captions import train_captions

    config = read_config(config_file)
    _check(data, "speech", *(["text"] if synthetic_hours else []))
    best = train_captions(
        data,
        out,
        mode,
        updates=updates,
        learning_rate=rate,
        start=start,
        synthetic_hours=synthetic_hours,
        kokoro_hours=kokoro_hours,
        with_unlabelled=with_unlabelled,
        dropout=dropout,
        resume=resume,
        threads=threads or config.engine.threads,
        progress=_say,
    )
    print(best)


def synthetic_speech(
    config_file: Path | None,
    data: Path,
    voices: Path,
    hours: float,
    seed: int,
    out: Path,
    threads: int | None,
) -> None:
    """Make speech to train on; the folder of its parts goes to standard output."""
    from models.training import kokoro

    config = read_config(config_file)
    _check(data, "speech", "text")
    shards = out / "shards"
    kokoro.make(data, voices, shards, hours, seed, threads or config.engine.threads, _say)
    print(shards)


def commands(
    config_file: Path | None,
    data: Path,
    out: Path,
    updates: int | None,
    rate: float | None,
    start: Path | None,
    resume: bool,
    threads: int | None,
) -> None:
    """Train the spotter; the path of its weights goes to standard output."""
    from models.training.commands import train_commands

    threads = threads or read_config(config_file).engine.threads
    _check(data, "speech")
    weights = train_commands(
        data,
        out,
        updates=updates,
        learning_rate=rate,
        start=start,
        resume=resume,
        threads=threads,
        progress=_say,
    )
    print(weights)


def language(config_file: Path | None, data: Path, out: Path) -> None:
    """Build lexicon.bin and lm.bin in `out`."""
    from models.training.language import build_language

    read_config(config_file)  # nothing in it is about language, but a wrong one is told everywhere
    _check(data, "speech", "text")
    build_language(data, out, _say)


def average(config_file: Path | None, out: Path, weights: list[Path]) -> None:
    """Write the mean of some weights to `out`; its path is the output."""
    from models.training.average import average

    read_config(config_file)  # nothing in it is about weights, but a wrong one is told everywhere
    if len(weights) < 2:
        raise WrongCall("train average has one file of weights; give two or more")
    average(out, weights)
    print(out)


def summary(
    config_file: Path | None,
    data: Path,
    out: Path,
    mode: str,
    updates: int | None,
    resume: bool,
    threads: int | None,
) -> None:
    """Train a network that shortens sentences; the path of its best weights goes to standard output."""
    from models.training.summary import train_summary

    threads = threads or read_config(config_file).engine.threads
    _check(data, "text")
    print(train_summary(data, out, mode, updates=updates, resume=resume, threads=threads, progress=_say))


def translation(
    config_file: Path | None,
    data: Path,
    out: Path,
    mode: str,
    pair: str,
    updates: int | None,
    start: Path | None,
    resume: bool,
    threads: int | None,
) -> None:
    """Train a translator; the path of its best weights goes to standard output."""
    from models.training.translation import train_translation

    threads = threads or read_config(config_file).engine.threads
    _check(data, "text")
    print(
        train_translation(
            data, out, mode, pair, updates=updates, start=start, resume=resume, threads=threads, progress=_say
        )
    )


def headline(
    config_file: Path | None, data: Path, out: Path, updates: int | None, resume: bool, threads: int | None
) -> None:
    """Train the network that writes headlines; the path of its weights goes to standard output."""
    from models.training.headline import train_headline

    threads = threads or read_config(config_file).engine.threads
    _check(data, "text")
    print(train_headline(data, out, updates=updates, resume=resume, threads=threads, progress=_say))


def entities(
    config_file: Path | None,
    data: Path,
    out: Path,
    recipe: str,
    updates: int | None,
    rate: float | None,
    start: Path | None,
    teacher: Path | None,
    resume: bool,
    threads: int | None,
) -> None:
    """Train a network that tags entities; the path of its best weights goes to standard output."""
    from models.training.entities import RECIPES, train_entities

    if recipe not in RECIPES:
        raise ValueError(f"there is no network for {recipe}; there are {', '.join(RECIPES)}")
    threads = threads or read_config(config_file).engine.threads
    _check(data, "text")
    best = train_entities(
        data,
        out,
        recipe,
        updates=updates,
        learning_rate=rate,
        start=start,
        teacher=teacher,
        resume=resume,
        threads=threads,
        progress=_say,
    )
    print(best)


def sentiment(
    config_file: Path | None,
    data: Path,
    out: Path,
    recipe: str,
    updates: int | None,
    resume: bool,
    threads: int | None,
) -> None:
    """Train a network that judges sentences; the path of its best weights goes to standard output."""
    from models.training.sentiment import train_sentiment

    threads = threads or read_config(config_file).engine.threads
    _check(data, "text")
    print(train_sentiment(data, out, recipe, updates=updates, resume=resume, threads=threads, progress=_say))


def agreement(
    config_file: Path | None,
    data: Path,
    out: Path,
    cell: str,
    updates: int | None,
    seed: int,
    resume: bool,
    threads: int | None,
) -> None:
    """Train a network that expects a verb's number; the path of its best weights goes to standard output."""
    from models.training.agreement import train_agreement

    threads = threads or read_config(config_file).engine.threads
    _check(data, "text")
    print(
        train_agreement(data, out, cell, seed, updates=updates, resume=resume, threads=threads, progress=_say)
    )


def music(
    config_file: Path | None,
    data: Path,
    out: Path,
    style: str,
    updates: int | None,
    rate: float | None,
    start: Path | None,
    endings: int,
    seed: int,
    resume: bool,
    threads: int | None,
) -> None:
    """Train the network of a style; the path of its best weights goes to standard output."""
    from models.training.music import train_music

    threads = threads or read_config(config_file).engine.threads
    _check(data, "music")
    print(
        train_music(
            data,
            out,
            style,
            updates=updates,
            seed=seed,
            learning_rate=rate,
            start=start,
            endings=endings,
            resume=resume,
            threads=threads,
            progress=_say,
        )
    )


def _check(data: Path, *parts: str) -> None:
    """A wrong folder is told at once, not after an hour with what an earlier run had cached."""
    for part in parts:
        if not (data / part).is_dir():
            raise ValueError(
                f"{data / part} is no folder; DATA is the folder that holds {' and '.join(parts)}"
            )
