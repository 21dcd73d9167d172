"""The recipe of the networks of agreement, and their cards."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.models.card import DataSource
from streamer.models.datasets.agreement_rows import NUMBERS
from streamer.models.training.cards import About, without_outputs, words_feeder, write_card
from streamer.models.training.fit import Pace

CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn": "plain RNN (tanh)"}
SOURCES = (
    DataSource("agreement", "CC BY-SA 3.0 (Wikipedia)", "train.natural, train.news, train.1attractor"),
    DataSource("ner_gmb", "public domain texts; collection ODbL 1.0", "train, words alone"),
)


@dataclass(frozen=True)
class AgreementRecipe:
    """How a cell is trained: all cells the same."""

    pace: Pace = field(default_factory=lambda: Pace(2000, 3e-3, 0.01, check_every=200))
    options: dict[str, Any] = field(default_factory=dict)
    words: int = 10_000
    natural_times: int = 2  # how often the sentences of the natural mixture count
    attractors: float = 0.1  # the share of rows with an attractor whose verb is learned
    read_sentences: int = 20_000  # whole sentences of news for the next word alone
    language: float = 0.2  # weight of the loss of the next word


RECIPE = AgreementRecipe()


def card(folder: Path, cell: str, seed: int, options: dict[str, Any]) -> None:
    """Write the card of a network whose cell is `cell`, built with `options`."""
    about = About(
        name=f"agreement-{cell}",
        task="agreement",
        description=f"The number of the verb that comes next, after each word: one layer, {CELLS[cell]}",
        licence="CC BY-SA 3.0",
        command=f"streamer train agreement DATA --cell {cell} --seed {seed}",
    )
    tables = {
        "feeder": words_feeder(tail=1),
        "network": {"architecture": "agreement_live", **without_outputs(options)},
        "reader": {"kind": "sentiment"},
        "labels": {"number": NUMBERS},
    }
    write_card(folder, about, tables, SOURCES)
