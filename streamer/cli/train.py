"""`streamer train`: each command goes on where its last run ended, and prints the path of the weights."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from streamer.cli.options import MODES, Configured, Mode
from streamer.errors import WrongCall

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="The folder that holds speech/, text/ and music/.")
]
WhichMode = Annotated[Mode, typer.Option(metavar=MODES, help="Which of the two networks.")]
Seed = Annotated[int, typer.Option(min=0, metavar="SEED", help="The same seed gives the same run.")]
LearningRate = Annotated[
    float | None,
    typer.Option("--rate", min=1e-8, metavar="RATE", help="The learning rate.", show_default="the recipe's"),
]
Start = Annotated[
    Path | None,
    typer.Option("--from", metavar="WEIGHTS", help="Begin with these weights of the same network."),
]


@dataclass(frozen=True, kw_only=True)
class Training(Configured):
    """A run: what it learns from, where it is kept, how long it takes."""

    data: Data
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", file_okay=False, help="Where shards, checkpoints, logs and weights go."),
    ] = Path("runs")
    updates: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many updates.", show_default="the recipe's")
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Go on with the run that --out holds, or begin again.")
    ] = True
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Threads of the training steps.", show_default="the config's"),
    ] = None

    def begin(self, *parts: str) -> int:
        """How many threads to train on, after the config and the folder have been checked.

        A wrong folder is refused at once, not after an hour with what an earlier run had cached.
        """
        threads = self.threads or self.settings().engine.threads
        _check(self.data, *parts)
        return threads


@dataclass(frozen=True, kw_only=True)
class Captions(Training):
    """A training of the speech recogniser."""

    mode: WhichMode = "live"
    rate: LearningRate = None
    start: Start = None
    synthetic: Annotated[
        float,
        typer.Option(min=0.0, metavar="HOURS", help="Add hours of open texts, read aloud by a synthesiser."),
    ] = 0.0
    unlabelled: Annotated[
        bool,
        typer.Option("--unlabelled", help="Add speech that nobody wrote down, as PocketSphinx hears it."),
    ] = False
    dropout: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.9,
            metavar="SHARE",
            help="Drop this share of what a layer adds.",
            show_default="the recipe's",
        ),
    ] = None


def captions(run: Captions) -> None:
    """Train a recogniser of speech."""
    from streamer.models.training.speech.captions_trainer import train_captions

    threads = run.begin("speech", *(["text"] if run.synthetic else []))
    best = train_captions(
        run.data,
        run.out,
        run.mode,
        updates=run.updates,
        learning_rate=run.rate,
        start=run.start,
        synthetic_hours=run.synthetic,
        with_unlabelled=run.unlabelled,
        dropout=run.dropout,
        resume=run.resume,
        threads=threads,
        progress=_say,
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class Commands(Training):
    """A training of the spotter."""

    rate: LearningRate = None
    start: Start = None


def commands(run: Commands) -> None:
    """Train the spotter of spoken commands."""
    from streamer.models.training.speech.commands_trainer import train_commands

    threads = run.begin("speech")
    weights = train_commands(
        run.data,
        run.out,
        updates=run.updates,
        learning_rate=run.rate,
        start=run.start,
        resume=run.resume,
        threads=threads,
        progress=_say,
    )
    print(weights)


@dataclass(frozen=True, kw_only=True)
class Language(Configured):
    """What the captions' language model is built from, and where it goes."""

    data: Data
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder for lexicon.bin and lm.bin.")]


def language(options: Language) -> None:
    """Build lexicon.bin and lm.bin."""
    from streamer.models.training.language.knowledge import build_language

    options.settings()  # nothing in it is about language, but every command refuses a wrong one
    _check(options.data, "speech", "text")
    build_language(options.data, options.out, _say)


@dataclass(frozen=True, kw_only=True)
class Average(Configured):
    """Weights to average."""

    out: Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False, help="The file of weights to write.")]
    weights: Annotated[
        list[Path],
        typer.Argument(metavar="WEIGHTS", help="Two or more, of trainings that began from one another."),
    ]


def average(options: Average) -> None:
    """Write the mean of some weights."""
    from streamer.models.training.average import average as average_weights

    options.settings()  # nothing in it is about weights, but every command refuses a wrong one
    if len(options.weights) < 2:
        raise WrongCall("train average has one file of weights; give two or more")
    average_weights(options.out, options.weights)
    print(options.out)


@dataclass(frozen=True, kw_only=True)
class Summary(Training):
    """A training of a network that shortens sentences."""

    mode: WhichMode = "live"


def summary(run: Summary) -> None:
    """Train a network that leaves words out."""
    from streamer.models.training.text.summary_trainer import train_summary

    threads = run.begin("text")
    best = train_summary(
        run.data, run.out, run.mode, updates=run.updates, resume=run.resume, threads=threads, progress=_say
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class Translation(Training):
    """A training of a translator."""

    mode: WhichMode = "live"
    pair: Annotated[
        Literal["en-de", "en-fr", "multi30k-en-de"],
        typer.Option(metavar="PAIR", help="en-de, en-fr, or the benchmark multi30k-en-de."),
    ] = "en-de"
    start: Annotated[
        Path | None,
        typer.Option("--from", metavar="WEIGHTS", help="Begin with the weights of the other mode."),
    ] = None


def translation(run: Translation) -> None:
    """Train a translator."""
    from streamer.models.training.text.translation_trainer import train_translation

    threads = run.begin("text")
    best = train_translation(
        run.data,
        run.out,
        run.mode,
        run.pair,
        updates=run.updates,
        start=run.start,
        resume=run.resume,
        threads=threads,
        progress=_say,
    )
    print(best)


def headline(run: Training) -> None:
    """Train the network that writes headlines."""
    from streamer.models.training.text.headline_trainer import train_headline

    threads = run.begin("text")
    print(
        train_headline(
            run.data, run.out, updates=run.updates, resume=run.resume, threads=threads, progress=_say
        )
    )


@dataclass(frozen=True, kw_only=True)
class Entities(Training):
    """A training of a tagger."""

    mode: WhichMode = "live"
    corpus: Annotated[
        Literal["conll2003"] | None,
        typer.Option(metavar="conll2003", help="Learn a benchmark, whose weights do not ship."),
    ] = None
    rate: LearningRate = None
    start: Start = None
    teacher: Annotated[
        Path | None,
        typer.Option(metavar="WEIGHTS", help="Let a live network learn from the weights of an offline one."),
    ] = None


def entities(run: Entities) -> None:
    """Train a network that tags entities."""
    from streamer.models.training.text.entities_trainer import RECIPES, train_entities

    recipe = _recipe(run.corpus, run.mode)
    if recipe not in RECIPES:
        raise ValueError(f"there is no network for {recipe}; there are {', '.join(RECIPES)}")
    threads = run.begin("text")
    best = train_entities(
        run.data,
        run.out,
        recipe,
        updates=run.updates,
        learning_rate=run.rate,
        start=run.start,
        teacher=run.teacher,
        resume=run.resume,
        threads=threads,
        progress=_say,
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class Sentiment(Training):
    """A training of a network that judges sentences."""

    mode: WhichMode = "live"
    corpus: Annotated[
        Literal["sst2"] | None,
        typer.Option(metavar="sst2", help="Learn a benchmark, whose weights do not ship."),
    ] = None


def sentiment(run: Sentiment) -> None:
    """Train a network that judges sentences."""
    from streamer.models.training.text.sentiment_trainer import train_sentiment

    threads = run.begin("text")
    best = train_sentiment(
        run.data,
        run.out,
        _recipe(run.corpus, run.mode),
        updates=run.updates,
        resume=run.resume,
        threads=threads,
        progress=_say,
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class Agreement(Training):
    """A training of a network that expects a verb's number."""

    cell: Annotated[
        Literal["lstm", "gru", "rnn"],
        typer.Option(metavar="lstm|gru|rnn", help="What its one recurrent layer is made of."),
    ] = "lstm"
    seed: Seed = 1


def agreement(run: Agreement) -> None:
    """Train a network that expects a verb's number."""
    from streamer.models.training.text.agreement_trainer import train_agreement

    threads = run.begin("text")
    best = train_agreement(
        run.data,
        run.out,
        run.cell,
        run.seed,
        updates=run.updates,
        resume=run.resume,
        threads=threads,
        progress=_say,
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class Music(Training):
    """A training of a network that knows music."""

    out: Annotated[
        Path,
        typer.Option(metavar="DIR", file_okay=False, help="Where checkpoints, logs and weights go."),
    ] = Path("runs/music")
    style: Annotated[
        Literal["chorale", "folk", "roll-jsb", "roll-nottingham"],
        typer.Option(
            metavar="STYLE",
            help="A composer (chorale, folk), or a scorer of piano rolls (roll-jsb, roll-nottingham).",
        ),
    ] = "chorale"
    rate: LearningRate = None
    start: Start = None
    endings: Annotated[
        int, typer.Option(min=0, metavar="ROWS", help="Add the ends of so many pieces to each batch.")
    ] = 0
    seed: Seed = 1


def music(run: Music) -> None:
    """Train the network of a style."""
    from streamer.models.training.music.music_trainer import train_music

    threads = run.begin("music")
    best = train_music(
        run.data,
        run.out,
        run.style,
        updates=run.updates,
        seed=run.seed,
        learning_rate=run.rate,
        start=run.start,
        endings=run.endings,
        resume=run.resume,
        threads=threads,
        progress=_say,
    )
    print(best)


def _recipe(corpus: str | None, mode: str) -> str:
    return f"{corpus}-{mode}" if corpus else mode


def _check(data: Path, *parts: str) -> None:
    for part in parts:
        if not (data / part).is_dir():
            raise ValueError(
                f"{data / part} is no folder; DATA is the folder that holds {' and '.join(parts)}"
            )


def _say(line: object) -> None:
    print(line, file=sys.stderr, flush=True)
