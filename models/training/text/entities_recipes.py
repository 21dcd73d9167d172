"""The recipes of the networks of entities, and their cards."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from streamer.models.bundle.catalog import ZOO
from streamer.models.card import DataSource
from streamer.models.datasets.tagged import TAGS
from streamer.models.training.cards import About, without_outputs, words_feeder, write_card
from streamer.models.training.fit import Pace

LOOKAHEADS = 3  # 0 to 2 words
NAMES = ZOO / "entities-en" / "names.txt.gz"


@dataclass(frozen=True)
class Corpora:
    """Files below text/: those trained on, each with how often it counts, and those checked on, by name."""

    trained: tuple[tuple[str, int], ...]
    checked: dict[str, str]
    sources: tuple[DataSource, ...]
    licence: str


GLOVE = DataSource("glove_twitter_25d", "PDDL 1.0", "vectors.npz")
OPEN = Corpora(
    (
        ("ner_gmb/train.conll.gz", 1),
        ("ner_uner_ewt/train.oth_as_misc.conll.gz", 2),
        ("ner_wikigold/train.conll", 4),
    ),
    {"gmb": "ner_gmb/dev.conll", "uner": "ner_uner_ewt/dev.conll", "wikigold": "ner_wikigold/dev.conll"},
    (
        DataSource("ner_gmb", "ODbL 1.0 (texts in the public domain)"),
        DataSource("ner_uner_ewt", "CC BY-SA 4.0", "train, OTH as MISC"),
        DataSource("ner_wikigold", "CC BY 4.0 (text: Wikipedia, CC BY-SA)"),
        GLOVE,
    ),
    "CC BY-SA 4.0",
)
LISTS = (
    DataSource("names of people in the US census of 1990", "public domain", "names.txt.gz"),
    DataSource("GeoNames, names of cities", "CC BY 4.0", "names.txt.gz"),
)
CONLL2003 = Corpora(
    (("ner_conll2003/train.conll.gz", 1),),
    {"conll2003": "ner_conll2003/dev.conll"},
    (DataSource("ner_conll2003", "benchmark use only (text: Reuters RCV1, for research)"),),
    "for benchmarks only: trained on Reuters RCV1",
)


def _open(wikigold: int) -> Corpora:
    """The open corpora with the lists of names; ner_wikigold counts `wikigold` times."""
    trained = (*OPEN.trained[:-1], (OPEN.trained[-1][0], wikigold))
    return replace(OPEN, trained=trained, sources=OPEN.sources + LISTS)


@dataclass(frozen=True)
class EntitiesRecipe:
    """What is trained, and how long.

    `stripped` is the share of sentences without case and punctuation, `renamed` that of names that are
    replaced by others.
    """

    name: str  # of the model
    description: str
    command: str
    architecture: str
    outputs: int
    pace: Pace
    options: dict = field(default_factory=dict)
    corpora: Corpora = OPEN
    words: int = 14000
    least: int = 3  # times that a listed word stands in the training texts
    names: Path | None = NAMES
    stripped: float = 0.35
    renamed: float = 0.1
    vectors: bool = True  # initialise the vectors with GloVe and counts of neighbours
    seed: int = 1


RECIPES = {
    "live": EntitiesRecipe(
        "entities-en",
        "People, places, organisations and other names in English text, word by word: two LSTM layers, "
        "0 to 2 words of lookahead",
        "streamer train entities DATA --mode live",
        "entities_live",
        LOOKAHEADS * len(TAGS),
        Pace(2600, 2.5e-3, averaged=0.997, check_every=250),
        dict(word_size=60, letter_size=72, window=5),
        _open(10),
    ),
    "offline": EntitiesRecipe(
        "entities-en-offline",
        "People, places, organisations and other names in English text: two bidirectional LSTM layers "
        "and a chain over the tags",
        "streamer train entities DATA --mode offline",
        "entities_offline",
        len(TAGS),
        Pace(2600, 2.5e-3, averaged=0.997, check_every=250),
        dict(word_size=80, letter_size=72, window=5),
        _open(6),
        stripped=0.5,
        renamed=0.2,
    ),
    # Lample 2016 without pretrained vectors: everything from CoNLL-2003 itself.
    "conll2003-offline": EntitiesRecipe(
        "entities-conll2003",
        "The benchmark CoNLL-2003: a bidirectional LSTM and a chain over the tags, no pretrained vectors",
        "streamer train entities DATA --mode offline --corpus conll2003",
        "entities_offline",
        len(TAGS),
        Pace(2200, check_every=400),
        dict(depth=1, hidden_size=200),
        CONLL2003,
        words=16000,
        least=1,
        names=None,
        stripped=0.0,
        renamed=0.0,
        vectors=False,
    ),
}


def card(folder: Path, recipe: EntitiesRecipe, options: Mapping[str, Any]) -> None:
    """Write the card of a recipe whose network is built with `options`."""
    live = recipe.outputs > len(TAGS)
    heads = [f"after {k} word{'s' * (k != 1)}" for k in range(recipe.outputs // len(TAGS))]
    about = About(
        name=recipe.name,
        task="entities",
        description=recipe.description,
        licence=recipe.corpora.licence,
        command=recipe.command,
    )
    names = {"names": "names.txt.gz"} if recipe.names else {}
    costs = {"lookahead": 1, "begin_cost": 1.0, "change_cost": 1.5, "next_weight": 0.5} if live else {}
    tables = {
        "feeder": words_feeder(tail=len(heads) - 1, **names),
        "network": {"architecture": recipe.architecture, **without_outputs(options)},
        "reader": {"kind": "entities", **costs},
        "labels": dict.fromkeys(heads, TAGS),
    }
    write_card(folder, about, tables, recipe.corpora.sources)
