"""`streamer models` and `streamer verify`: what can be served, and whether its laws hold."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.cli.command import argument, flag
from streamer.cli.figures import aligned, words
from streamer.cli.options import Configured, existing
from streamer.config import with_model
from streamer.models.bundle import catalog
from streamer.models.card import Card
from streamer.models.imports import is_import_path

if TYPE_CHECKING:
    from streamer.models.bundle.build import Model
    from streamer.models.readers import Reader

THOROUGH_STEPS = 10_000


def models(options: Configured) -> int:
    """List every model that ships or is configured; returns 1 if one can't be loaded, with a line for it."""
    from streamer.models.bundle.build import load
    from streamer.models.bundle.relation import relation

    config, broken = options.settings(), 0
    rows = [("Name", "Task", "Type", "Mode", "Input", "Latency", "Licence")]
    scores: list[list[str]] = [[]]
    for name, folder in sorted((catalog.zoo() | config.folders()).items()):
        try:
            model = load(folder, config.model(name).imports())
            if name in config.folders():
                _check_reader(model)  # of those that ship the tests look after it
            mode, latency = _timing(model)
            kind = relation(model)
        except (ValueError, OSError) as error:
            print(f"streamer: {name} can't be served: {' '.join(str(error).split())}", file=sys.stderr)
            broken += 1
        else:
            card = model.card
            rows.append((name, card.task, kind, mode, _input(card), latency, card.licence or "not known"))
            scores.append(_scores(card))
    for line, below in zip(aligned(rows), scores):
        print(line)
        for score in below:
            print(f"    {score}")
    return 1 if broken else 0


def _check_reader(model: "Model") -> None:
    """ValueError where the card's reader can't be had, which serving would tell of."""
    from streamer.models.readers.build import reader
    from streamer.server.serve import hears

    if hears(model.card):
        reader(model.card, model.folder, 1, model.allowed)


def _reader(model: "Model", rows: int) -> "Reader":
    from streamer.models.readers.build import reader

    return reader(model.card, model.folder, rows, model.allowed)


def _timing(model: "Model") -> tuple[str, str]:
    """The mode, and what the network waits for before it knows, as `Opened` tells it.

    Of sound that is `latency_ms`, from the beginning of a sound to its first output; of text the `lookahead`
    in words of a stream that names none. Without one the answer comes with the word, or with the step.
    """
    from streamer.models.layers.stage import Stage
    from streamer.runtime.geometry import geometry
    from streamer.server.inputs.audio import Places

    if not isinstance(model.network, Stage):
        return "offline", f"the whole {'recording' if model.card.front else 'text'}"
    if not model.card.front:
        return "live", _words_behind(model)
    places = Places(geometry(model.front(model.rate_hz)), geometry(model.network))
    return "live", f"{places.latency_ms(model.rate_hz):.0f} ms"


def _words_behind(model: "Model") -> str:
    """The `lookahead` of a stream that names none."""
    from streamer.models.feeders.encoders import reading
    from streamer.models.readers.build import reader

    words = 0
    if _input(model.card) == "text":
        encoder, words_reader = (
            reading(model.card, model.folder).encoder,
            reader(model.card, model.folder, 1, model.allowed),
        )
        words = (encoder.parse({}) | words_reader.parse({})).get("lookahead", 0)
    return f"{words} word{'' if words == 1 else 's'}" if words else "none"


def _input(card: Card) -> str:
    """What a model is given, as its description tells it; of one that isn't served, its feeder."""
    from streamer.models.feeders.encoders import KINDS
    from streamer.server.served_model import generates

    if card.front:
        return "audio"
    if generates(card):
        return "generator"
    assert card.feeder is not None, "a card has a front or a feeder"
    return "text" if card.feeder.kind in KINDS else card.feeder.kind


def _scores(card: Card) -> list[str]:
    """Each set's scores, the sets' names in a column; a name is that of the data folder."""
    rows = []
    for dataset, figures in card.scores.items():
        scores = [
            f"{words(name)} {value:.4g}" for name, value in figures.items() if not isinstance(value, str)
        ]
        split = figures.get("split")
        rows.append((f"{dataset} ({split})" if split else dataset, ", ".join(scores)))
    return aligned(rows) if rows else []


@dataclass(frozen=True, kw_only=True)
class Verify(Configured):
    """The model whose laws are checked."""

    model: str = argument("MODEL", "A model's name, or its folder.")
    thorough: bool = flag(f"Run {THOROUGH_STEPS} steps as well, to find what shows late.")


def verify(options: Verify) -> int:
    """Print each law with its largest difference; 1 if one fails, else 0."""
    from streamer.models.bundle.build import load
    from streamer.models.bundle.reader_laws import verify_reader
    from streamer.models.bundle.verify import verify as check_laws

    config, name = with_model(options.settings(), options.model)
    model = load(catalog.find(name, config.folders()), config.model(name).imports())
    _check_reader(model)
    steps = THOROUGH_STEPS if options.thorough else 0
    checked = [("", check_laws(model.network, steps=steps))]
    if model.card.front:
        checked.append(("front: ", check_laws(model.front(model.rate_hz), steps=steps)))
    if model.card.front and is_import_path(model.card.reader.kind):
        make = partial(_reader, model)
        checked.append(("reader: ", verify_reader(make, model.card.outputs)))
    rows, failed = [("Law", "Verdict", "Largest difference", "")], 0
    for part, results in checked:
        for result in results:
            verdict = "-" if not result.applies else "holds" if result.passed else "FAILS"
            difference = f"{result.difference:.1e}" if result.applies else ""
            rows.append((part + result.law, verdict, difference, result.note))
            failed += not result.passed
    print("\n".join(aligned(rows)))
    return 1 if failed else 0


@dataclass(frozen=True, kw_only=True)
class ImportTorch(Configured):
    """Weights with torch's names, and the folder that they go to."""

    weights: Path = argument(
        "WEIGHTS", "A safetensors file: the state_dict of an nn.LSTM, nn.GRU or nn.RNN.", check=existing
    )
    folder: Path = argument("FOLDER", "The model's folder; without a card it gets one to edit.")


def import_torch(options: ImportTorch) -> None:
    """Write the weights, under our names, and a card where there is none."""
    from streamer.models.bundle import torch_folder

    if torch_folder.import_torch(options.weights, options.folder):
        card = options.folder / catalog.CARD
        print(f"streamer: edit {card}: its front, reader, labels and licence are guesses", file=sys.stderr)
    print(options.folder)
