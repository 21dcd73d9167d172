"""The recipes of the networks of sentiment, and their cards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.models.card import DataSource
from streamer.models.training.cards import About, without_outputs, words_feeder, write_card
from streamer.models.training.fit import Pace

POLAR, FINE = ["negative", "positive"], ["very negative", "negative", "neutral", "positive", "very positive"]
CLASSES = len(POLAR) + len(FINE)

UNCLEAR = "none given; research use is customary"
GLOVE = DataSource("glove_twitter_25d", "PDDL 1.0", "vectors.npz")
PHRASES = ("sst/binary.phrases.train.tsv.gz", "polar")
ALL = ("sst/fine.train.tsv", "fine"), ("mr/train.tsv", "polar"), PHRASES


@dataclass(frozen=True)
class SentimentRecipe:
    """What is trained, and how long. `stripped` is the share of sentences without punctuation."""

    name: str  # of the model
    description: str
    command: str
    architecture: str
    pace: Pace
    options: dict = field(default_factory=dict)
    trained: tuple[tuple[str, str], ...] = ALL  # files below text/ and the kinds of their labels
    reviews: str = "imdb/train.tsv.gz"  # their words and labels initialise the vectors; "": none
    denied: str = PHRASES[0]  # its rows of one word are stated and denied in short sentences; "": none
    sources: tuple[DataSource, ...] = (
        DataSource("sst", UNCLEAR, "binary.phrases.train, fine.train"),
        DataSource("mr", UNCLEAR),
        DataSource("imdb", UNCLEAR, "train, for word vectors"),
        GLOVE,
    )
    words: int = 16000
    stripped: float = 0.2
    seed: int = 1


BENCHMARK: dict[str, Any] = dict(
    trained=(PHRASES,),
    reviews="",
    denied="",
    sources=(DataSource("sst", UNCLEAR, "binary.phrases.train"), GLOVE),
    stripped=0.0,
)
RECIPES = {
    "live": SentimentRecipe(
        "sentiment-en",
        "How positive an English sentence is, after each word: an LSTM and attention over what was heard",
        "streamer train sentiment DATA --mode live",
        "sentiment_live",
        Pace(2000, 3e-3, 0.03, check_every=250),
    ),
    "offline": SentimentRecipe(
        "sentiment-en-offline",
        "How positive an English sentence is: a bidirectional LSTM, attention and a maximum",
        "streamer train sentiment DATA --mode offline",
        "sentiment_offline",
        Pace(1500, 3e-3, 0.03, check_every=250),
        denied="",
    ),
    "sst2-live": SentimentRecipe(
        "sentiment-sst2",
        "The benchmark SST-2, phrases included: an LSTM and attention over what was heard",
        "streamer train sentiment DATA --mode live --corpus sst2",
        "sentiment_live",
        Pace(4000, 3e-3, 0.03),
        **BENCHMARK,
    ),
    "sst2-offline": SentimentRecipe(
        "sentiment-sst2-offline",
        "The benchmark SST-2, phrases included: a bidirectional LSTM, attention and a maximum",
        "streamer train sentiment DATA --mode offline --corpus sst2",
        "sentiment_offline",
        Pace(4000, 3e-3, 0.03),
        **BENCHMARK,
    ),
}


def card(folder: Path, recipe: SentimentRecipe, options: Mapping[str, Any]) -> None:
    """Write the card of a recipe whose network is built with `options`."""
    about = About(
        name=recipe.name,
        task="sentiment",
        description=recipe.description,
        licence="unclear: for benchmarks and research (the film reviews of sst, mr and imdb have none)",
        command=recipe.command,
    )
    tables = {
        "feeder": words_feeder(tail=int(recipe.architecture == "sentiment_live")),
        "network": {"architecture": recipe.architecture, **without_outputs(options)},
        "reader": {"kind": "sentiment"},
        "labels": {"two": POLAR, "five": FINE},
    }
    write_card(folder, about, tables, recipe.sources)
