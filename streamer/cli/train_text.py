"""`streamer train` for text: each goes on where its last run ended, and prints the path of the weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamer.cli.command import option
from streamer.cli.train_options import SEED, ModeTraining, Training, TunedTraining


def summary(run: ModeTraining) -> None:
    """Train a network that leaves words out."""
    from streamer.models.training.text.summary_trainer import train_summary

    print(train_summary(run.data, run.out, run.mode, **run.steps("text")))


@dataclass(frozen=True, kw_only=True)
class TranslationTraining(ModeTraining):
    """A training of a translator."""

    pair: Literal["en-de", "en-de-open", "en-fr", "multi30k-en-de"] = option(
        "en-de", "PAIR", "en-de, en-fr, en-de-open (more corpora, masked), or the benchmark multi30k-en-de."
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


def _recipe(corpus: str | None, mode: str) -> str:
    return f"{corpus}-{mode}" if corpus else mode
