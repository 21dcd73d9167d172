"""`streamer evaluate`: each task has the options that mean something to it; a table, or a line of JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamer.cli.figures import show
from streamer.cli.options import MODES, Configured, Json, Mode
from streamer.config import with_model
from streamer.errors import WrongCall

if TYPE_CHECKING:
    from streamer.evaluation.job import Mode as Evaluation
    from streamer.evaluation.job import Task

Lookahead = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="WORDS", help="A live network waits for so many words.", show_default="the task's own"
    ),
]
Baseline = Annotated[
    Path | None,
    typer.Option(metavar="TRAIN", help="Measure a plain method that learns from the file TRAIN as well."),
]


@dataclass(frozen=True, kw_only=True)
class Evaluate(Configured):
    """What every task takes."""

    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A file of texts or pieces; of speech SPLIT.manifest.jsonl, its tars beside it.",
        ),
    ]
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A network's name, or its folder.", show_default="the task's own"),
    ] = None
    mode: Annotated[Mode, typer.Option(metavar=MODES, help="Which of the task's networks.")] = "live"
    json: Json = False


@dataclass(frozen=True, kw_only=True)
class Heard(Evaluate):
    """A task whose input is cut into chunks."""

    chunk_ms: Annotated[
        int,
        typer.Option("--chunk-ms", min=1, metavar="MS", help="Milliseconds of input that are sent at once."),
    ] = 40


@dataclass(frozen=True, kw_only=True)
class Captions(Heard):
    """How captions are measured."""

    joined: Annotated[
        float | None,
        typer.Option(metavar="MINUTES", help="Join, and repeat, the recordings into streams of this length."),
    ] = None
    condition: Annotated[
        str,
        typer.Option(
            metavar="CONDITION",
            help="How it sounds: clean, quiet, loud, telephone, noise (with --noise), hum50, hum60, clipped.",
        ),
    ] = "clean"
    noise: Annotated[
        Path | None, typer.Option(metavar="MANIFEST", help="Take the noises of --condition noise from here.")
    ] = None
    first: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Measure the first N recordings of the file only.")
    ] = None
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Measure whether the words' confidences are true.")
    ] = False
    hot_words: Annotated[
        str | None,
        typer.Option(
            "--hot-words",
            metavar="WORDS",
            help="Listen for these, with commas between, and measure how often they are heard.",
        ),
    ] = None
    references: Annotated[
        bool, typer.Option("--references", help="Measure PocketSphinx on the same recordings as well.")
    ] = False


def captions(options: Captions) -> None:
    """Measure captions."""
    from streamer.evaluation.captions import TASK, Asked, captions_mode
    from streamer.offline.caption_options import parse_hot_words

    asked = Asked(
        options.condition,
        options.noise,
        options.first,
        options.joined,
        options.calibration,
        options.references,
        parse_hot_words(options.hot_words),
    )
    _run(TASK, options, captions_mode(options.mode, asked), chunk_ms=options.chunk_ms)


@dataclass(frozen=True, kw_only=True)
class Commands(Heard):
    """How commands are measured."""

    spliced: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="SPEECH NOISE", help="Splice the commands into the sound of these two manifests."
        ),
    ] = None


def commands(options: Commands) -> None:
    """Measure spoken commands."""
    from streamer.evaluation.commands import TASK, spliced_mode

    mode = spliced_mode(*options.spliced) if options.spliced else None
    _run(TASK, options, mode, chunk_ms=options.chunk_ms)


@dataclass(frozen=True, kw_only=True)
class Entities(Evaluate):
    """How names are measured."""

    lookahead: Lookahead = None
    baseline: Baseline = None


def entities(options: Entities) -> None:
    """Measure the names that are found."""
    from streamer.evaluation.entities import TASK, compared_mode

    mode = compared_mode(options.mode, options.baseline) if options.baseline else None
    _run(TASK, options, mode, lookahead=options.lookahead)


@dataclass(frozen=True, kw_only=True)
class Sentiment(Evaluate):
    """How verdicts are measured."""

    baseline: Baseline = None


def sentiment(options: Sentiment) -> None:
    """Measure verdicts on texts."""
    from streamer.evaluation.sentiment import TASK, compared_mode

    _run(TASK, options, compared_mode(options.mode, options.baseline) if options.baseline else None)


@dataclass(frozen=True, kw_only=True)
class Waiting(Evaluate):
    """A task of text whose live network may wait for words."""

    lookahead: Lookahead = None


def translation(options: Waiting) -> None:
    """Measure translations."""
    from streamer.evaluation.translation import TASK

    _run(TASK, options, lookahead=options.lookahead)


@dataclass(frozen=True, kw_only=True)
class Summary(Waiting):
    """How summaries are measured."""

    long: Annotated[
        int | None,
        typer.Option(metavar="WORDS", help="Summarize abstracts joined into texts of this length; offline."),
    ] = None


def summary(options: Summary) -> None:
    """Measure shortened sentences, titles or summaries."""
    from streamer.evaluation.long_texts import long_mode
    from streamer.evaluation.summary import TASK

    if options.long is not None and options.mode != "offline":
        raise WrongCall("--long WORDS goes with --mode offline")
    mode = long_mode(options.long) if options.long is not None else None
    _run(TASK, options, mode, lookahead=options.lookahead)


def agreement(options: Evaluate) -> None:
    """Measure the number of the next verb."""
    from streamer.evaluation.agreement import TASK

    _run(TASK, options)


@dataclass(frozen=True, kw_only=True)
class Music(Evaluate):
    """How pieces are measured."""

    generated: Annotated[
        int | None,
        typer.Option(metavar="N", help="Compose N pieces and compare them with those of the file."),
    ] = None


def music(options: Music) -> None:
    """Measure pieces."""
    from streamer.evaluation.music import TASK, generated_mode

    _run(TASK, options, generated_mode(options.generated) if options.generated is not None else None)


def _run(
    task: "Task",
    options: Evaluate,
    special: "Evaluation | None" = None,
    chunk_ms: int | None = None,
    lookahead: int | None = None,
) -> None:
    """Measure the mode of `task` that the options name, or the `special` one in its place."""
    from streamer.evaluation.evaluate import run
    from streamer.evaluation.job import CHUNK_MS, Job

    usual = task.mode(options.mode)
    mode = special or usual
    config, model = with_model(options.settings(), options.model or mode.model)
    job = Job(options.path, model, config, chunk_ms or CHUNK_MS, lookahead=lookahead)
    show(run(task.name, options.mode, mode, job), options.json)
