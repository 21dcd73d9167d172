"""Small text models with random weights, an engine that serves them, and a client that sends text."""

import dataclasses
from pathlib import Path

import torch
from safetensors.torch import save_file

from streamer import wire
from streamer.models.bundle.build import build_network, load
from streamer.models.datasets.tagged import TAGS
from streamer.models.readers.build import reader
from streamer.models.training.text import entities_recipes, sentiment_recipes
from streamer.runtime.devices import Devices
from streamer.server.engine import Engine
from streamer.server.served_model import served
from streamer.server.streams import Settings
from tests.tiny_engine import Client

WORDS = "the fox dog in rome sleeps . , is not".split()
SMALL = {"words": len(WORDS) + 2, "word_size": 8, "letter_size": 6, "hidden_size": 12}
SUMMARY = """
name = "kept"
task = "summary"
[feeder]
kind = "words"
tail = 2
[network]
architecture = "compress_live"
words = 12
word_size = 8
letter_size = 6
hidden_size = 12
[reader]
kind = "summary"
thresholds = [0.5, 0.5, 0.5]
[labels]
keep = ["a", "b", "c"]
"""


def tagger(folder: Path) -> Path:
    """A model of entities with weights that mean nothing, but give every tag now and then."""
    options = SMALL | {"outputs": 3 * len(TAGS)}
    _weights(folder, "entities_live", options, 4)
    recipe = dataclasses.replace(entities_recipes.RECIPES["live"], options=options, names=None)
    entities_recipes.card(folder, recipe, options)
    return folder


def judge(folder: Path) -> Path:
    """The same of sentiment."""
    options = {k: v for k, v in SMALL.items() if k != "letter_size"} | {"outputs": sentiment_recipes.CLASSES}
    _weights(folder, "sentiment_live", options, 4)
    recipe = dataclasses.replace(sentiment_recipes.RECIPES["live"], options=options)
    sentiment_recipes.card(folder, recipe, options)
    return folder


def shortener(folder: Path) -> Path:
    """The same of summaries."""
    _weights(folder, "compress_live", SMALL | {"outputs": 3}, 3)
    (folder / "card.toml").write_text(SUMMARY)
    return folder


MAKERS = {"tags": tagger, "judged": judge, "kept": shortener}


def text_engine(folder: Path, max_streams: int = 8, **settings) -> Engine:
    """An engine that serves all of `MAKERS`, made in `folder` where they are not yet."""
    devices = Devices("cpu", 64, print)
    models = {}
    for name, make in MAKERS.items():
        own = folder / name if (folder / name).exists() else make(folder / name)
        model = load(own)
        models[name] = served(model, name, reader(model.card, own, max_streams), devices, max_streams)
    return Engine(models, Settings(**settings))


class TextClient(Client):
    """One stream of text."""

    def open(self, model: str = "tags", **options) -> "TextClient":
        message = wire.Open(self.request, model, options=options)
        (answer,) = self.engine.receive(self.peer, message, b"", self.now)
        assert isinstance(answer.message, wire.Opened), answer.message
        self.opened = answer.message
        return self

    def text(self, payload: str | bytes) -> list[wire.Output]:
        payload = payload.encode() if isinstance(payload, str) else payload
        self.seq += 1
        start, self.position = self.position, self.position + len(payload)
        return self.give(wire.Text(**self.ids(), seq=self.seq, start=start), payload)


def _weights(folder: Path, architecture: str, options: dict, times: int) -> None:
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    network = build_network(architecture, options)
    weights = {k: v * times if v.dim() > 1 else v for k, v in network.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    (folder / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
