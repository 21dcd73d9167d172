"""`streamer train`: each command goes on where its last run ended, and prints the path of the weights."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from streamer.cli.command import argument, flag, option
from streamer.cli.options import MODES, Configured, Mode, existing
from streamer.errors import WrongCall

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
        _check(self.data, *parts)
        return {"updates": self.updates, "resume": self.resume, "threads": threads, "progress": _say}


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


@dataclass(frozen=True, kw_only=True)
class CaptionsTraining(ModeTraining, TunedTraining):
    """A training of the speech recogniser."""

    synthetic: float = option(0.0, "HOURS", "Add hours of open texts, read aloud by a synthesiser.", min=0.0)
    kokoro: float = option(0.0, "HOURS", "Add hours of what `train synthetic-speech` made in --out.", min=0.0)
    unlabelled: bool = flag("Add untranscribed speech, transcribed by PocketSphinx.")
    dropout: float | None = option(
        None, "SHARE", "Drop this share of what a layer adds.", usual="the recipe's", min=0.0, max=0.9
    )


def captions(run: CaptionsTraining) -> None:
    """Train a recogniser of speech."""
    from streamer.models.training.speech.captions_trainer import train_captions

    steps = run.steps("speech", *(["text"] if run.synthetic else []))
    best = train_captions(
        run.data,
        run.out,
        run.mode,
        learning_rate=run.rate,
        start=run.start,
        synthetic_hours=run.synthetic,
        kokoro_hours=run.kokoro,
        with_unlabelled=run.unlabelled,
        dropout=run.dropout,
        **steps,
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class SyntheticSpeech(Learning):
    """Speech that a synthesiser reads to train on."""

    voices: Path = argument("VOICES", "The npm package kokoro-js: its folder or its .tgz.")
    hours: float = option(8.0, "HOURS", "Go on until there are so many hours.", min=0.01)
    seed: int = option(1, "SEED", "Each part depends on the seed and on its number.", min=0)
    out: Path = option(Path("runs"), "DIR", "Where the shards go.", file_okay=False)
    threads: int | None = option(None, "N", "Threads of the synthesiser.", usual="the config's", min=1)


def synthetic_speech(options: SyntheticSpeech) -> None:
    """Have Kokoro read the open texts in many voices; a stopped run goes on."""
    from streamer.models.training.speech import kokoro

    threads = options.threads or options.settings().engine.threads
    _check(options.data, "speech", "text")
    shards = options.out / "shards"
    kokoro.make(options.data, options.voices, shards, options.hours, options.seed, threads, _say)
    print(shards)


def commands(run: TunedTraining) -> None:
    """Train the spotter of spoken commands."""
    from streamer.models.training.speech.commands_trainer import train_commands

    steps = run.steps("speech")
    print(train_commands(run.data, run.out, learning_rate=run.rate, start=run.start, **steps))


@dataclass(frozen=True, kw_only=True)
class Language(Learning):
    """What the captions' language model is built from, and where it goes."""

    out: Path = argument("OUT", "The folder for lexicon.bin and lm.bin.")


def language(options: Language) -> None:
    """Build lexicon.bin and lm.bin."""
    from streamer.models.training.language.knowledge import build_language

    options.settings()  # nothing in it is about language, but every command refuses a wrong one
    _check(options.data, "speech", "text")
    build_language(options.data, options.out, _say)


@dataclass(frozen=True, kw_only=True)
class Average(Configured):
    """Weights to average."""

    out: Path = argument("OUT", "The file of weights to write.", dir_okay=False)
    weights: list[Path] = argument("WEIGHTS", "Two or more, of trainings that began from one another.")


def average(options: Average) -> None:
    """Write the mean of some weights."""
    from streamer.models.training.average import average as average_weights

    options.settings()  # nothing in it is about weights, but every command refuses a wrong one
    if len(options.weights) < 2:
        raise WrongCall("train average has one file of weights; give two or more")
    average_weights(options.out, options.weights)
    print(options.out)


def summary(run: ModeTraining) -> None:
    """Train a network that leaves words out."""
    from streamer.models.training.text.summary_trainer import train_summary

    print(train_summary(run.data, run.out, run.mode, **run.steps("text")))


@dataclass(frozen=True, kw_only=True)
class TranslationTraining(ModeTraining):
    """A training of a translator."""

    pair: Literal["en-de", "en-fr", "multi30k-en-de"] = option(
        "en-de", "PAIR", "en-de, en-fr, or the benchmark multi30k-en-de."
    )
    start: Path | None = option(None, "WEIGHTS", "Begin with the weights of the other mode.", name="--from")


def translation(run: TranslationTraining) -> None:
    """Train a translator."""
    from streamer.models.training.text.translation_trainer import train_translation

    steps = run.steps("text")
    print(train_translation(run.data, run.out, run.mode, run.pair, start=run.start, **steps))


def headline(run: Training) -> None:
    """Train the network that writes headlines."""
    from streamer.models.training.text.headline_trainer import train_headline

    print(train_headline(run.data, run.out, **run.steps("text")))


@dataclass(frozen=True, kw_only=True)
class EntitiesTraining(ModeTraining, TunedTraining):
    """A training of a tagger."""

    corpus: Literal["conll2003"] | None = option(
        None, "conll2003", "Learn a benchmark, whose weights do not ship."
    )
    teacher: Path | None = option(
        None, "WEIGHTS", "Let a live network learn from the weights of an offline one."
    )


def entities(run: EntitiesTraining) -> None:
    """Train a network that tags entities."""
    from streamer.models.training.text.entities_trainer import RECIPES, train_entities

    recipe = _recipe(run.corpus, run.mode)
    if recipe not in RECIPES:
        raise ValueError(f"there is no network for {recipe}; there are {', '.join(RECIPES)}")
    best = train_entities(
        run.data,
        run.out,
        recipe,
        learning_rate=run.rate,
        start=run.start,
        teacher=run.teacher,
        **run.steps("text"),
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class SentimentTraining(ModeTraining):
    """A training of a network that judges sentences."""

    corpus: Literal["sst2"] | None = option(None, "sst2", "Learn a benchmark, whose weights do not ship.")


def sentiment(run: SentimentTraining) -> None:
    """Train a network that judges sentences."""
    from streamer.models.training.text.sentiment_trainer import train_sentiment

    recipe = _recipe(run.corpus, run.mode)
    print(train_sentiment(run.data, run.out, recipe, **run.steps("text")))


@dataclass(frozen=True, kw_only=True)
class AgreementTraining(Training):
    """A training of a network that expects a verb's number."""

    cell: Literal["lstm", "gru", "rnn"] = option(
        "lstm", "lstm|gru|rnn", "What its one recurrent layer is made of."
    )
    seed: int = option(1, "SEED", SEED, min=0)


def agreement(run: AgreementTraining) -> None:
    """Train a network that expects a verb's number."""
    from streamer.models.training.text.agreement_trainer import train_agreement

    print(train_agreement(run.data, run.out, run.cell, run.seed, **run.steps("text")))


@dataclass(frozen=True, kw_only=True)
class MusicTraining(TunedTraining):
    """A training of a network that knows music."""

    out: Path = option(Path("runs/music"), "DIR", "Where checkpoints, logs and weights go.", file_okay=False)
    style: Literal["chorale", "folk", "roll-jsb", "roll-nottingham"] = option(
        "chorale",
        "STYLE",
        "A composer (chorale, folk), or a scorer of piano rolls (roll-jsb, roll-nottingham).",
    )
    endings: int = option(0, "ROWS", "Add the ends of this many pieces to each batch.", min=0)
    seed: int = option(1, "SEED", SEED, min=0)


def music(run: MusicTraining) -> None:
    """Train the network of a style."""
    from streamer.models.training.music.music_trainer import train_music

    best = train_music(
        run.data,
        run.out,
        run.style,
        seed=run.seed,
        learning_rate=run.rate,
        start=run.start,
        endings=run.endings,
        **run.steps("music"),
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
