"""The commands that read text: tag, sentiment, translate, summarize."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from rich.console import Console

from streamer.cli.command import argument, option
from streamer.cli.options import MODES, Configured, Mode, existing
from streamer.cli.readable import readable_sentence
from streamer.config import Config, with_model
from streamer.errors import WrongCall
from streamer.models.bundle import catalog
from streamer.offline.sentence_result import SentenceResult

USUAL = {
    "entities": "entities-en",
    "sentiment": "sentiment-en",
    "translation": "translate-en-de",
    "summary": "compress-en",
}

Show = Callable[[SentenceResult], None]


@dataclass(frozen=True, kw_only=True)
class TextCommand(Configured):
    """A text, and how it is read."""

    file: Path | None = argument(
        "FILE", "The text, in UTF-8; - or nothing is standard input.", default=None, check=existing
    )
    mode: Mode | None = option(
        None,
        MODES,
        "offline reads whole sentences; live answers while the text comes.",
        usual="offline, live where you type",
    )
    model: str | None = option(None, "MODEL", "Use another network: its name, or its folder.")
    format: Literal["text", "jsonl"] | None = option(
        None,
        "text|jsonl",
        "Write text for people, or a line of JSON for each sentence.",
        usual="text on a terminal, else jsonl",
    )

    @property
    def is_standard_input(self) -> bool:
        return self.file is None or str(self.file) == "-"

    @property
    def is_typed(self) -> bool:
        """Whether somebody types on a terminal, and sees it there."""
        if not self.is_standard_input or self.mode == "offline":
            return False
        return sys.stdin.isatty() and sys.stdout.isatty()


@dataclass(frozen=True, kw_only=True)
class WaitingText(TextCommand):
    """A text that a live network may wait for."""

    lookahead: int | None = option(
        None, "WORDS", "How many words a live network waits for.", usual="the model's own", min=0
    )


@dataclass(frozen=True, kw_only=True)
class JudgedText(TextCommand):
    """A text whose sentences are judged."""

    classes: int | None = option(None, "N", "Tell 2 classes apart, or 5 degrees.", usual="2", min=2, max=5)


@dataclass(frozen=True, kw_only=True)
class LongText(WaitingText):
    """A text of which a part stays."""

    share: float | None = option(
        None, "SHARE", "Keep at most this share of the words.", usual="0.15", min=0.0, max=1.0
    )


def tag(text: WaitingText) -> None:
    """Say which words are names, and of what."""
    _read("entities", text, {"lookahead": text.lookahead})


def sentiment(text: JudgedText) -> None:
    """Say how positive each sentence is."""
    _read("sentiment", text, {"classes": text.classes})


def translate(text: WaitingText) -> None:
    """Say each sentence in German."""
    _read("translation", text, {"lookahead": text.lookahead})


def summarize(text: LongText) -> None:
    """Shorten the text; a live network shortens every sentence."""
    _read("summary", text, {"lookahead": text.lookahead}, text.share)


def _read(task: str, text: TextCommand, options: dict[str, int | None], share: float | None = None) -> None:
    """Say what the network says, sentence by sentence.

    ValueError or OSError, one line, for what can't be done.
    """
    mode = text.mode or ("live" if text.is_typed else "offline")
    model = text.model or USUAL[task] + ("-offline" if mode == "offline" else "")
    config, name = with_model(text.settings(), model)
    known = {key: value for key, value in options.items() if value is not None}
    try:
        if mode == "offline":
            _offline(task, config, name, text, known, share)
        elif share is not None:
            raise WrongCall("--share goes with --mode offline: who chooses sentences must have seen them all")
        else:
            _live(task, config, name, text, known)
    except BrokenPipeError:
        # Whoever read has read enough; the interpreter's own flush would say it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _offline(
    task: str, config: Config, name: str, text: TextCommand, options: dict[str, Any], share: float | None
) -> None:
    import torch  # late, with what needs it: what is live has no use for it here

    from streamer.offline.sentence_source import pieces
    from streamer.offline.text_reading import SHARE, read_text
    from streamer.server.loading import load_model

    torch.set_num_threads(config.engine.threads)
    model = load_model(config, name, task)
    show = _shown(text.format)
    with _opened(text) as file:
        for sentence in read_text(model, pieces(file), options, SHARE if share is None else share):
            show(sentence)


def _live(task: str, config: Config, name: str, text: TextCommand, options: dict[str, Any]) -> None:
    from streamer.cli.keyboard import type_along
    from streamer.models.card import read_card
    from streamer.offline.sentence_source import pieces
    from streamer.offline.typed_text import TypedText
    from streamer.server.loading import check_task
    from streamer.server.serve import unpaced_engine

    check_task(name, read_card(catalog.find(name, config.folders())).task, task)
    if not text.is_typed:
        options = options | {"partials": False}
    stream = TypedText(unpaced_engine(config, [name]), name, options)
    if text.is_typed:
        type_along(stream)
        return
    show = _shown(text.format)
    with _opened(text) as file:
        for piece in pieces(file):
            _show_all(show, stream.type(piece))
        _show_all(show, stream.end())


def _show_all(show: Show, sentences: Iterator[SentenceResult]) -> None:
    for sentence in sentences:
        show(sentence)


def _opened(text: TextCommand) -> BinaryIO:
    if text.file is not None and not text.is_standard_input:
        return open(text.file, "rb")
    if sys.stdin.isatty():
        print("streamer: type your text; Ctrl-D ends it", file=sys.stderr)
    return sys.stdin.buffer


def _shown(format: str | None) -> Show:
    """For people on a terminal, else a line of JSON for each sentence."""
    if (format or ("text" if sys.stdout.isatty() else "jsonl")) == "jsonl":
        return lambda sentence: print(sentence.json(), flush=True)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    if sys.stdout.isatty():
        return lambda sentence: console.print(readable_sentence(sentence))
    return lambda sentence: print(readable_sentence(sentence).plain, flush=True)
