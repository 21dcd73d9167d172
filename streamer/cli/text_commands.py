"""The command line's text: each command imports what it runs when it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from streamer.cli.options import ConfigFile, Mode

File = Annotated[Path | None, typer.Argument(metavar="[FILE|-]", help="A UTF-8 text; else standard input.")]
HowMode = Annotated[
    Mode | None,
    typer.Option(
        "--mode",
        help="offline sees whole sentences; live speaks while the text comes, as you type on a terminal.",
        show_default="offline; live where you type",
    ),
]
Model = Annotated[str | None, typer.Option("--model", help="Another network, or a model's folder.")]
Format = Annotated[
    Literal["text", "jsonl"] | None,
    typer.Option(
        "--format", help="For people, or a line of JSON a sentence.", show_default="text on a terminal"
    ),
]
Lookahead = Annotated[
    int | None, typer.Option("--lookahead", min=0, help="Words that a live network waits for.")
]


def _run(task: str, config: Path | None, file: Path | None, **wishes) -> None:
    from streamer.cli.text import Wish, run
    from streamer.config import read_config

    raise typer.Exit(run(read_config(config), Wish(task, file, **wishes)))


def tag(
    file: File = None,
    mode: HowMode = None,
    model: Model = None,
    format: Format = None,
    lookahead: Lookahead = None,
    config: ConfigFile = None,
) -> None:
    """Find people, places, organisations and other names in a text."""
    _run("entities", config, file, mode=mode, model=model, format=format, lookahead=lookahead)


def sentiment(
    file: File = None,
    mode: HowMode = None,
    model: Model = None,
    format: Format = None,
    classes: Annotated[
        int | None, typer.Option(min=2, max=5, help="2, or 5 with degrees.", show_default="2")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Say how positive each sentence of a text is."""
    _run("sentiment", config, file, mode=mode, model=model, format=format, classes=classes)


def translate(
    file: File = None,
    mode: HowMode = None,
    model: Model = None,
    format: Format = None,
    lookahead: Lookahead = None,
    config: ConfigFile = None,
) -> None:
    """Translate a text, English to German."""
    _run("translation", config, file, mode=mode, model=model, format=format, lookahead=lookahead)


def summarize(
    file: File = None,
    mode: HowMode = None,
    model: Model = None,
    format: Format = None,
    lookahead: Lookahead = None,
    share: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Of the words, at most.", show_default="0.15")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Choose a text's central sentences and shorten them; live, shorten every sentence."""
    _run("summary", config, file, mode=mode, model=model, format=format, lookahead=lookahead, share=share)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (tag, sentiment, translate, summarize):
        app.command()(command)
