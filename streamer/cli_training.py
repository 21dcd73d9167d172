"""The command line's `train`: each command imports what it runs when it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from streamer.cli_options import ConfigFile, Mode

Pair = Literal["en-de", "en-fr", "multi30k-en-de"]
Cell = Literal["lstm", "gru", "rnn"]
MusicStyle = Literal["chorale", "folk", "roll-jsb", "roll-nottingham"]

train = typer.Typer(help="Train the networks that ship, from the data folder.")

Data = Annotated[Path, typer.Argument(metavar="DATA", help="The folder that holds speech/ and text/.")]
Runs = Annotated[
    Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Shards, checkpoints and logs.")
]
Updates = Annotated[int | None, typer.Option("--updates", min=1, help="How many; else the recipe's.")]
Start = Annotated[Path | None, typer.Option("--from", metavar="WEIGHTS", help="Weights to begin from.")]
Rate = Annotated[float | None, typer.Option(min=1e-8, help="Learning rate; else the recipe's.")]
Resume = Annotated[
    bool, typer.Option("--resume/--fresh", help="Go on with the run that --out holds, or begin anew.")
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of the training steps; else the config's.")
]


@train.command("captions")
def captions(
    data: Data,
    mode: Annotated[Mode, typer.Option(help="Which of the two networks.")] = "live",
    out: Runs = Path("runs"),
    updates: Updates = None,
    rate: Rate = None,
    start: Start = None,
    synthetic: Annotated[
        float, typer.Option(min=0.0, metavar="HOURS", help="Of the open texts, read aloud by a synthesiser.")
    ] = 0.0,
    kokoro: Annotated[
        float,
        typer.Option(min=0.0, metavar="HOURS", help="Of what `train synthetic-speech` has made under --out."),
    ] = 0.0,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Speech that nobody wrote down, as PocketSphinx hears it.")
    ] = False,
    dropout: Annotated[
        float | None,
        typer.Option(min=0.0, max=0.9, metavar="SHARE", help="Of what a layer adds; else the recipe's."),
    ] = None,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train the speech recogniser."""
    from streamer.commands.training import captions

    captions(
        config, data, out, mode, updates, rate, start, synthetic, kokoro, unlabelled, dropout, resume, threads
    )


@train.command("synthetic-speech")
def synthetic_speech(
    data: Data,
    voices: Annotated[
        Path, typer.Argument(metavar="VOICES", help="The npm package kokoro-js, a folder or its .tgz.")
    ],
    hours: Annotated[float, typer.Option(min=0.01, metavar="HOURS", help="Until there are so many.")] = 8.0,
    seed: Annotated[int, typer.Option(min=0, help="Each part depends on it and on its number.")] = 1,
    out: Runs = Path("runs"),
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Have Kokoro read the open texts in many voices; a stopped run goes on."""
    from streamer.commands.training import synthetic_speech

    synthetic_speech(config, data, voices, hours, seed, out, threads)


@train.command("commands")
def commands(
    data: Data,
    out: Runs = Path("runs"),
    updates: Updates = None,
    rate: Rate = None,
    start: Start = None,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train the spotter of spoken commands."""
    from streamer.commands.training import commands

    commands(config, data, out, updates, rate, start, resume, threads)


@train.command("language")
def language(
    data: Data,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for lexicon.bin and lm.bin.")],
    config: ConfigFile = None,
) -> None:
    """Build the lexicon and the language model of the captions."""
    from streamer.commands.training import language

    language(config, data, out)


@train.command("average")
def average(
    out: Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False, help="The file of weights to write.")],
    weights: Annotated[
        list[Path],
        typer.Argument(metavar="WEIGHTS...", help="Two or more, of trainings that began from one another."),
    ],
    config: ConfigFile = None,
) -> None:
    """Average the weights of several trainings of one network."""
    from streamer.commands.training import average

    average(config, out, weights)


@train.command("summary")
def summary(
    data: Data,
    mode: Annotated[Mode, typer.Option(help="Which of the two networks.")] = "live",
    out: Runs = Path("runs"),
    updates: Updates = None,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train a network that shortens sentences by leaving words out."""
    from streamer.commands.training import summary

    summary(config, data, out, mode, updates, resume, threads)


@train.command("translation")
def translation(
    data: Data,
    mode: Annotated[Mode, typer.Option(help="Which of the two networks.")] = "live",
    pair: Annotated[
        Pair, typer.Option(help="From which language to which; multi30k is a benchmark.")
    ] = "en-de",
    out: Runs = Path("runs"),
    updates: Updates = None,
    start: Annotated[
        Path | None, typer.Option("--from", metavar="WEIGHTS", help="The other mode's, to begin from.")
    ] = None,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train a translator."""
    from streamer.commands.training import translation

    translation(config, data, out, mode, pair, updates, start, resume, threads)


@train.command("headline")
def headline(
    data: Data,
    out: Runs = Path("runs"),
    updates: Updates = None,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train the network that writes headlines."""
    from streamer.commands.training import headline

    headline(config, data, out, updates, resume, threads)


@train.command("entities")
def entities(
    data: Data,
    mode: Annotated[Mode, typer.Option(help="Which of the two networks.")] = "live",
    corpus: Annotated[
        Literal["conll2003"] | None, typer.Option(help="A benchmark, whose weights do not ship.")
    ] = None,
    out: Runs = Path("runs"),
    updates: Updates = None,
    rate: Rate = None,
    start: Start = None,
    teacher: Annotated[
        Path | None,
        typer.Option(metavar="WEIGHTS", help="An offline network's, from which a live one learns."),
    ] = None,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train a network that finds people, places, organisations and other names."""
    from streamer.commands.training import entities

    recipe = f"{corpus}-{mode}" if corpus else mode
    entities(config, data, out, recipe, updates, rate, start, teacher, resume, threads)


@train.command("sentiment")
def sentiment(
    data: Data,
    mode: Annotated[Mode, typer.Option(help="Which of the two networks.")] = "live",
    corpus: Annotated[
        Literal["sst2"] | None, typer.Option(help="A benchmark, whose weights do not ship.")
    ] = None,
    out: Runs = Path("runs"),
    updates: Updates = None,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train a network that tells how positive a sentence is."""
    from streamer.commands.training import sentiment

    sentiment(config, data, out, f"{corpus}-{mode}" if corpus else mode, updates, resume, threads)


@train.command("agreement")
def agreement(
    data: Data,
    cell: Annotated[Cell, typer.Option(help="Of the one recurrent layer.")] = "lstm",
    out: Runs = Path("runs"),
    updates: Updates = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = 1,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train a network that expects a verb in the singular or the plural."""
    from streamer.commands.training import agreement

    agreement(config, data, out, cell, updates, seed, resume, threads)


@train.command("music")
def music(
    data: Data,
    style: Annotated[
        MusicStyle, typer.Option(help="A composer, or a network that scores piano rolls.")
    ] = "chorale",
    out: Runs = Path("runs/music"),
    updates: Updates = None,
    rate: Rate = None,
    start: Start = None,
    endings: Annotated[
        int, typer.Option(min=0, metavar="ROWS", help="The ends of so many pieces beside each batch.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = 1,
    resume: Resume = True,
    threads: Threads = None,
    config: ConfigFile = None,
) -> None:
    """Train a network that knows music."""
    from streamer.commands.training import music

    music(config, data, out, style, updates, rate, start, endings, seed, resume, threads)
