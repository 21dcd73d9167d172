"""`streamer evaluate`: each task has the options that mean something to it; a table, or a line of JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.cli.command import argument, flag, option
from streamer.cli.figures import show
from streamer.cli.options import JSON, MODES, Configured, Mode, existing
from streamer.config import with_model
from streamer.errors import WrongCall

if TYPE_CHECKING:
    from streamer.evaluation.job import Mode as Evaluation
    from streamer.evaluation.job import Task


@dataclass(frozen=True, kw_only=True)
class Evaluate(Configured):
    """What every task takes."""

    path: Path = argument(
        "PATH",
        "A file of texts or pieces; for speech SPLIT.manifest.jsonl, with its tars beside it.",
        check=existing,
    )
    model: str | None = option(None, "MODEL", "A network's name, or its folder.", usual="the task's own")
    mode: Mode = option("live", MODES, "Which of the task's networks.")
    json: bool = flag(JSON)


@dataclass(frozen=True, kw_only=True)
class EvaluateChunked(Evaluate):
    """A task whose input is cut into chunks."""

    chunk_ms: int = option(40, "MS", "Milliseconds of input that are sent at once.", min=1)


@dataclass(frozen=True, kw_only=True)
class EvaluateCaptions(EvaluateChunked):
    """How captions are measured."""

    joined: float | None = option(
        None, "MINUTES", "Join, and repeat, the recordings into streams of this length."
    )
    condition: str = option(
        "clean",
        "CONDITION",
        "How recordings sound: clean, quiet, loud, telephone, noise (with --noise), hum50, hum60, clipped.",
    )
    noise: Path | None = option(
        None, "MANIFEST", "Take the noises of --condition noise from here.", check=existing
    )
    first: int | None = option(None, "N", "Measure only the first N recordings of the file.", min=1)
    calibration: bool = flag("Measure whether the words' confidences are calibrated.")
    hot_words: str | None = option(
        None, "WORDS", "Listen for these words, separated by commas, and measure how often they are heard."
    )
    references: bool = flag("Also measure PocketSphinx, and Whisper where installed, on the same recordings.")


def captions(options: EvaluateCaptions) -> None:
    """Measure captions."""
    from streamer.evaluation.captions import TASK, CaptionsOptions, captions_mode
    from streamer.offline.caption_options import parse_hot_words

    asked = CaptionsOptions(
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
class EvaluateCommands(EvaluateChunked):
    """How commands are measured."""

    spliced: tuple[Path, Path] | None = option(
        None, "SPEECH NOISE", "Splice the commands into the sound of these two manifests."
    )


def commands(options: EvaluateCommands) -> None:
    """Measure spoken commands."""
    from streamer.evaluation.commands import TASK, spliced_mode

    mode = spliced_mode(*options.spliced) if options.spliced else None
    _run(TASK, options, mode, chunk_ms=options.chunk_ms)


@dataclass(frozen=True, kw_only=True)
class EvaluateWaiting(Evaluate):
    """A task of text whose live network may wait for words."""

    lookahead: int | None = option(
        None, "WORDS", "How many words a live network waits for.", usual="the task's own", min=0
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateCompared(Evaluate):
    """A task that a plain method does as well."""

    baseline: Path | None = option(
        None, "TRAIN", "Also measure a plain method that learns from the file TRAIN.", check=existing
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateEntities(EvaluateWaiting, EvaluateCompared):
    """How names are measured."""


def entities(options: EvaluateEntities) -> None:
    """Measure the names that are found."""
    from streamer.evaluation.entities import TASK, compared_mode

    mode = compared_mode(options.mode, options.baseline) if options.baseline else None
    _run(TASK, options, mode, lookahead=options.lookahead)


def sentiment(options: EvaluateCompared) -> None:
    """Measure verdicts on texts."""
    from streamer.evaluation.sentiment import TASK, compared_mode

    _run(TASK, options, compared_mode(options.mode, options.baseline) if options.baseline else None)


def translation(options: EvaluateWaiting) -> None:
    """Measure translations."""
    from streamer.evaluation.translation import TASK

    _run(TASK, options, lookahead=options.lookahead)


@dataclass(frozen=True, kw_only=True)
class EvaluateSummary(EvaluateWaiting):
    """How summaries are measured."""

    long: int | None = option(None, "WORDS", "Summarize abstracts joined into texts of this length; offline.")


def summary(options: EvaluateSummary) -> None:
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
class EvaluateMusic(Evaluate):
    """How pieces are measured."""

    generated: int | None = option(None, "N", "Compose N pieces and compare them with those of the file.")


def music(options: EvaluateMusic) -> None:
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
