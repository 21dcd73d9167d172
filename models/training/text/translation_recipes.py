"""The recipes of the translators, their corpora, and their cards."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from streamer.models.card import DataSource
from streamer.models.training.cards import About, write_card
from streamer.models.training.text.translation_loss import WAITS
from streamer.models.training.text.translation_mixture import EN_DE, Part

WAIT = 3  # words that a live translator waits for where nobody says how many
GROWTH, SPARE = 0.3, 4  # empty steps after a sentence: so many a piece, and so many more


KNOWN = "known.txt"  # beside the weights: the words that are no names


@dataclass(frozen=True)
class Corpus:
    """Pairs of sentences in `folder`, in the first two columns of its files."""

    folder: str
    train: str
    dev: str
    languages: str
    licence: str  # of the weights
    source: DataSource
    mixture: tuple[Part, ...] = ()  # instead of `folder` alone; its pairs are masked


CORPORA = {
    "en-de": Corpus(
        "tatoeba_en_de",
        "train.tsv.gz",
        "dev.tsv",
        "English to German",
        "Apache-2.0; trained on sentences under CC BY 2.0 (France), www.manythings.org/anki and tatoeba.org",
        DataSource("tatoeba_en_de", "CC BY 2.0 (France): www.manythings.org/anki and tatoeba.org"),
    ),
    "en-de-open": Corpus(
        "tatoeba_en_de",
        "train.tsv.gz",
        "dev.tsv",
        "English to German",
        "CC BY-SA 4.0: trained on the corpora below, of which some are share-alike",
        DataSource("tatoeba_en_de", "CC BY 2.0 (France): www.manythings.org/anki and tatoeba.org"),
        EN_DE,
    ),
    "en-fr": Corpus(
        "tatoeba_en_fr",
        "train.tsv.gz",
        "dev.tsv",
        "English to French",
        "Apache-2.0; trained on sentences under CC BY 2.0 (France), www.manythings.org/anki and tatoeba.org",
        DataSource("tatoeba_en_fr", "CC BY 2.0 (France): www.manythings.org/anki and tatoeba.org"),
    ),
    "multi30k-en-de": Corpus(
        "multi30k",
        "train.en-de-fr.tsv.gz",
        "val.en-de-fr.tsv",
        "English to German",
        "not to be shipped: trained on Multi30k, which is for non-commercial research",
        DataSource("multi30k", "non-commercial research; unclear"),
    ),
}


@dataclass(frozen=True)
class TranslationRecipe:
    """What is trained, and how long. `units` are those of the targets of one update."""

    architecture: str
    outputs: int
    options: dict = field(default_factory=dict)
    updates: int = 1400
    units: int = 2000
    pieces: int = 4000  # of the source's model
    target_units: int = 5000
    negatives: int = 700  # units outside the batch in the loss of its targets
    full: float = 0.1  # the share of updates, the last ones, whose loss has all units
    learning_rate: float = 2.5e-3
    smoothing: float = 0.1
    averaged: float = 0.995  # of the moving average of the weights that ships
    checked: int = 300  # sentences of dev
    every: int = 250  # updates between checks
    seed: int = 1


SIZES = dict(size=192, memory_size=256, hidden_size=256)
RECIPES = {
    "live": TranslationRecipe("translate_live", 4, SIZES | dict(most=64), 900),
    "offline": TranslationRecipe("translate_offline", 2, SIZES | dict(depth=2)),
}


def recipe_of(mode: str, pair: str) -> TranslationRecipe:
    """What `mode` learns `pair` with: a mixture has more words, and takes longer."""
    recipe = RECIPES[mode]
    if not CORPORA[pair].mixture:
        return recipe
    return replace(recipe, updates=9000, pieces=8000, target_units=10000, negatives=1000, averaged=0.998)


def card(folder: Path, mode: str, pair: str, pieces: int, units: int) -> None:
    """Write `folder`/card.toml of the network trained there."""
    recipe, corpus = recipe_of(mode, pair), CORPORA[pair]
    live = mode == "live"
    waits = ", ".join(map(str, WAITS))
    how = (
        f"while the source is typed, {waits} words behind: LSTM encoder and attention decoder, wait-k"
        if live
        else "sentence by sentence: bidirectional LSTM encoder, attention decoder, beam search"
    )
    about = About(
        name=f"translate-{pair}" if live else f"translate-{pair}-offline",
        task="translation",
        description=f"Translates {corpus.languages}, {how}",
        licence=corpus.licence,
        command=f"streamer train translation DATA --mode {mode} --pair {pair}",
    )
    most = recipe.options["most"] - 1 if live else 40
    policy = {"waits": list(WAITS), "wait": WAIT, "growth": GROWTH, "spare": SPARE} if live else {}
    known = {"known": KNOWN} if corpus.mixture else {}
    sizes = {"pieces": pieces, "units": units, **recipe.options}
    columns = [
        text
        for slot in range(1, recipe.outputs // 2 + 1)
        for text in (f"unit {slot}", f"log-probability {slot}")
    ]
    tables = {
        "feeder": {"kind": "pieces", "model": "source.model", "most": most, **known, **policy},
        "network": {"architecture": recipe.architecture, **sizes},
        "reader": {"kind": "translation" if live else "translation_whole", "model": "target.model"},
        "labels": {"said": columns},
    }
    sources = [DataSource(part.folder, part.licence) for part in corpus.mixture] or [corpus.source]
    write_card(folder, about, tables, sources)
