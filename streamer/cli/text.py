"""The commands that read text: tag, sentiment, translate, summarize."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console

from streamer.config import Config
from streamer.errors import WrongCall, options_named_as_called
from streamer.evaluation.evaluate import with_folder
from streamer.models.bundle import catalog
from streamer.models.bundle.build import load
from streamer.offline.text_said import Said

USUAL = {
    "entities": "entities-en",
    "sentiment": "sentiment-en",
    "translation": "translate-en-de",
    "summary": "compress-en",
}


@dataclass(frozen=True)
class Wish:
    """What a command was asked for; None is whatever is usual."""

    task: str
    file: Path | None = None  # None and - are standard input
    mode: str | None = None
    model: str | None = None
    format: str | None = None
    lookahead: int | None = None
    classes: int | None = None
    share: float | None = None


def run(config: Config, wish: Wish) -> int:
    """Say what the network says, sentence by sentence; 0. ValueError or OSError, one line, for what can't be done."""
    typed = _is_typed(wish)
    mode = wish.mode or ("live" if typed else "offline")
    name = wish.model or USUAL[wish.task] + ("-offline" if mode == "offline" else "")
    config, name = with_folder(config, name)
    options: dict[str, Any] = {"lookahead": wish.lookahead, "classes": wish.classes}
    options = {key: value for key, value in options.items() if value is not None}
    show = _shown(wish.format)
    try:
        with options_named_as_called():
            if mode == "offline":
                _offline(config, wish, name, options, show)
            else:
                _live(config, wish, name, options, show, typed)
    except BrokenPipeError:
        # Whoever read has read enough; the interpreter's own flush would say it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _offline(
    config: Config, wish: Wish, name: str, options: dict[str, Any], show: Callable[[Said], None]
) -> None:
    import torch

    from streamer.offline.text import SHARE, said_of
    from streamer.offline.text_source import pieces

    torch.set_num_threads(config.engine.threads)
    model = load(catalog.find(name, config.folders()), config.model(name).allow_imports)
    _check_task(name, model.card.task, wish.task)
    with _opened(wish.file) as file:
        for said in said_of(model, pieces(file), options, SHARE if wish.share is None else wish.share):
            show(said)


def _live(
    config: Config, wish: Wish, name: str, options: dict[str, Any], show: Callable[[Said], None], typed: bool
) -> None:
    from streamer.cli.typing import type_along
    from streamer.models.bundle.card import read_card
    from streamer.offline.text_live import TypedText
    from streamer.offline.text_source import pieces
    from streamer.server.serve import unpaced_engine

    _check_task(name, read_card(catalog.find(name, config.folders())).task, wish.task)
    if wish.share is not None:
        raise WrongCall("--share goes with --mode offline: who chooses sentences must have seen them all")
    if not typed:
        options = options | {"partials": False}
    text = TypedText(unpaced_engine(config, [name]), name, options)
    if typed:
        type_along(text, show)
        return
    with _opened(wish.file) as file:
        for piece in pieces(file):
            _each(show, text.type(piece))
        _each(show, text.end())


def _each(show: Callable[[Said], None], said: Iterator[Said]) -> None:
    for one in said:
        show(one)


def _is_typed(wish: Wish) -> bool:
    """Whether somebody types on a terminal, and sees it there."""
    return _is_standard(wish.file) and sys.stdin.isatty() and sys.stdout.isatty() and wish.mode != "offline"


def _is_standard(file: Path | None) -> bool:
    return file is None or str(file) == "-"


def _opened(file: Path | None) -> BinaryIO:
    if not _is_standard(file):
        return open(file, "rb")
    if sys.stdin.isatty():
        print("streamer: type your text; Ctrl-D ends it", file=sys.stderr)
    return sys.stdin.buffer


def _shown(format: str | None) -> Callable[[Said], None]:
    """For people on a terminal, else a line of JSON for each sentence."""
    if (format or ("text" if sys.stdout.isatty() else "jsonl")) == "jsonl":
        return lambda said: print(said.json(), flush=True)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    if sys.stdout.isatty():
        return lambda said: console.print(said.line())
    return lambda said: print(said.line().plain, flush=True)


def _check_task(name: str, task: str, wanted: str) -> None:
    if task != wanted:
        raise ValueError(f"{name} is a model for {task}; name one for {wanted}")
