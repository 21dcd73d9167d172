"""`streamer lab gates`: the gates of a shipped network along a text or a recording, as a picture."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from streamer.config import Config
from streamer.errors import WrongCall
from streamer.lab.drawing import figure, save
from streamer.lab.gate_activity import LayerGates, gates_along
from streamer.models.bundle.build import Model
from streamer.models.text.words import split_words
from streamer.offline.sentences import Sentences
from streamer.server.loading import load_model
from streamer.sound.sound_file import read_mono

MOST_COLUMNS, MOST_ROWS = 300, 128  # of a picture: more steps and units are averaged to as many
MEAN = "#e0761a"


class NetworkInput(NamedTuple):
    """A network's input, and what its steps stand for: words, or `step_s` seconds each."""

    x: Tensor  # [1, T, C]
    words: list[str]
    step_s: float  # of one step of the recurrent layers; 0 of words


def text_input(model: Model, text: str) -> NetworkInput:
    """The words of one sentence. ValueError for an empty one and for a model that doesn't read text."""
    words = split_words(text)
    if not words:
        raise WrongCall("--text holds no words")
    if model.card.feeder is None:
        raise ValueError(f"{model.name} hears sound; give --file WAV, or another --model")
    steps, marks = Sentences(model).steps(words)
    return NetworkInput(torch.from_numpy(steps)[None], [mark.text or "(end)" for mark in marks], 0.0)


def sound_input(model: Model, samples: np.ndarray, rate_hz: int) -> NetworkInput:
    """A recording [n] at its rate. ValueError for a model that doesn't hear."""
    if model.card.front is None:
        raise ValueError(f"{model.name} reads text; give --text, or another --model")
    with torch.inference_mode():
        front = model.front(rate_hz)
        x = front(torch.from_numpy(samples)[None, :, None])
    return NetworkInput(x, [], float(1 / (rate_hz * front.ratio * model.network.ratio)))


def draw_gates(
    config: Config, name: str, text: str | None, file: Path | None, layer: int, output: Path
) -> LayerGates:
    """Draw layer number `layer`, from 1, of the model `name`; the layer that was drawn."""
    if (text is None) == (file is None):
        raise WrongCall("give either --text TEXT or --file WAV")
    if output.suffix.lower() != ".png" or output.is_dir():
        raise WrongCall(f"--output: {output} names no picture; give a FILE.png")
    model = load_model(config, name)
    given = text_input(model, text or "") if file is None else sound_input(model, *read_mono(file))
    layers = gates_along(model.network, given.x)
    if not 1 <= layer <= len(layers):
        raise WrongCall(f"--layer {layer}; {name} has {len(layers)} with gates")
    chosen = layers[layer - 1]
    save(picture(chosen, given, f"{name}, layer {layer} of {len(layers)}"), output)
    return chosen


def picture(layer: LayerGates, given: NetworkInput, title: str):
    """One panel a gate: its units, sorted by how open they are on the whole, and their mean as a line."""
    steps, units = next(iter(layer.gates.values())).shape
    width = min(14.0, max(6.0, 0.42 * steps + 2)) if given.words else 11.0
    made, axes = figure(width, 2.0 * len(layer.gates) + 1.4, rows=len(layer.gates))
    made.suptitle(title, fontsize=11)
    end = steps if given.words else steps * given.step_s
    extent = (0, end, 0, units)
    for panel, (name, values) in zip(axes, layer.gates.items()):
        shown = _narrowed(_narrowed(values[:, np.argsort(values.mean(0))], MOST_COLUMNS).T, MOST_ROWS).T
        image = panel.imshow(
            shown.T,
            "gray",
            aspect="auto",
            origin="lower",
            vmin=0,
            vmax=1,
            interpolation="nearest",
            extent=extent,
        )
        mean = shown.mean(1)
        places, marker = (np.arange(len(mean)) + 0.5) * end / len(mean), "o" if given.words else None
        panel.plot(places, mean * units, color=MEAN, linewidth=1.6, marker=marker, markersize=4)
        panel.set_ylabel(f"{name} gate\nunits, sorted")
        label = f"line: mean of the units, {values.mean():.2f} overall"
        at = panel.transAxes
        panel.text(1.0, 1.02, label, transform=at, ha="right", va="bottom", fontsize=9, color="#9c4a08")
        if panel is not axes[-1]:
            panel.set_xticks([])
        elif given.words:
            ticks = np.arange(steps) + 0.5
            panel.set_xticks(ticks, given.words, rotation=60, ha="right", rotation_mode="anchor")
            panel.set_xlabel("words as they are read")
        else:
            panel.set_xlabel("seconds of sound")
    bar = made.colorbar(image, ax=axes, shrink=0.6, pad=0.015)
    bar.set_ticks([0, 0.5, 1], labels=["0 closed", "0.5", "1 open"])
    return made


def _narrowed(values: np.ndarray, most: int) -> np.ndarray:
    """Rows averaged in groups to at most `most`, so that a picture stays small."""
    group = -(-len(values) // most)
    whole = values[: len(values) // group * group]
    return whole.reshape(-1, group, values.shape[1]).mean(1)
