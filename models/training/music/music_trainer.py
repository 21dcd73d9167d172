"""Training of the networks that know music: one loop, a style chooses what is learned."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from streamer.models.bundle.build import build_network, read_weights
from streamer.models.layers.stage import Stage
from streamer.models.music.folk import HIGHEST_MELODY, LOWEST_MELODY, tune
from streamer.models.music.folk_chords import CHORDS
from streamer.models.music.scores import Rolls, Voices, read_scores, symbols_of
from streamer.models.training import checkpoint
from streamer.models.training.music.rolls import RollStudy
from streamer.models.training.music.voices import VoiceStudy


class Study(Protocol):
    """What is learned: a loss to lower, and figures of data that nothing is learned from."""

    def loss(self, network: Any, random: np.random.Generator) -> Tensor:
        """The loss of a batch that `random` draws."""

    def check(self, network: Any) -> dict[str, float]:
        """Figures of the valid set; the first one decides which weights are kept, the lower the better."""


@dataclass(frozen=True)
class Recipe:
    """How a style is trained: `folder` of the data, what is learned of it, and for how long."""

    folder: str
    architecture: str
    options: dict[str, Any]
    study: Callable[[Path], Study]
    updates: int
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    check_every: int = 50
    patience: int = 12  # checks without a better one after which training ends


def train_music(
    data: Path,
    out: Path,
    style: str,
    *,
    updates: int | None = None,
    seed: int = 1,
    learning_rate: float | None = None,
    start: Path | None = None,
    endings: int = 0,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train the network of `style` from the data folder, which holds `music/`; returns its best weights.

    `start` is a weights file of the same style to begin from; `endings` rows more of each batch are
    the ends of pieces (a composer's; ValueError for a network of piano rolls).

    `out` keeps the run under the style's name: a run found there goes on where it was, and gives
    the numbers that it would have given in one go.
    """
    torch.set_num_threads(threads)
    recipe, run = RECIPES[style], out / style
    run.mkdir(parents=True, exist_ok=True)
    study = recipe.study(data / "music" / recipe.folder)
    if endings and not isinstance(study, VoiceStudy):
        raise ValueError(f"{style} scores piano rolls; only a composer learns endings")
    if endings:
        study.endings = endings
    torch.manual_seed(seed)
    network = build_network(recipe.architecture, recipe.options)
    if start:
        network.load_state_dict(read_weights(start, network.state_dict()))
    highest = learning_rate or recipe.learning_rate
    optimizer = torch.optim.AdamW(network.parameters(), lr=highest, weight_decay=recipe.weight_decay)
    last, best = run / "last.safetensors", run / "best.safetensors"
    done, lowest, lowest_at = 0, float("inf"), 0
    if resume and last.exists():
        meta = checkpoint.restore(last, network, optimizer)
        done, lowest, lowest_at = meta["updates"], meta["lowest"], meta["lowest_at"]
        progress(f"resumed after {done} updates")
    updates = updates or recipe.updates
    losses, began = [], time.monotonic()
    while done < updates and (done - lowest_at) < recipe.patience * recipe.check_every:
        # Drawn from the count of updates, so that a run that was stopped goes on as if it hadn't been.
        torch.manual_seed(1_000_003 * seed + done)
        rate = highest * min(1.0, (done + 1) / 50) * (0.505 + 0.495 * cos(pi * done / updates))
        losses.append(_update(network, study, optimizer, rate, np.random.default_rng((seed, done))))
        done += 1
        if done % recipe.check_every == 0 or done == updates:
            figures = _check(network, study)
            figure = next(iter(figures.values()))
            if figure < lowest:
                lowest, lowest_at = figure, done
                _write(best, network)
            told = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
            speed = (time.monotonic() - began) / len(losses)
            mean = float(np.mean(losses[-recipe.check_every :]))
            progress(f"{style} {done}/{updates} loss {mean:.4f} valid {told} {speed:.2f} s/update")
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps({"updates": done, "loss": mean} | figures) + "\n")
            meta = {"updates": done, "lowest": lowest, "lowest_at": lowest_at}
            checkpoint.save(last, network, optimizer, meta)
    return best


def _update(
    network: Stage, study: Study, optimizer: torch.optim.Optimizer, rate: float, random: np.random.Generator
) -> float:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = study.loss(network, random)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _check(network: Stage, study: Study) -> dict[str, float]:
    network.eval()
    figures = study.check(network)
    network.train()
    return figures


def _write(path: Path, network: Stage) -> None:
    """The weights in float16, as they ship."""
    save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, path)


def _rolls(rows: int, crop: int, moved: float) -> Callable[[Path], Study]:
    def study(folder: Path) -> Study:
        train, valid = read_scores(folder / "train.npz"), read_scores(folder / "valid.npz")
        if not isinstance(train, Rolls) or not isinstance(valid, Rolls):
            raise ValueError(f"{folder}: wanted piano rolls")
        return RollStudy(train, valid, rows, crop, moved)

    return study


LOWEST_VOICE, HIGHEST_VOICE = 33, 84  # of the four voices' common alphabet
CHORALE = dict(voices=[HIGHEST_VOICE - LOWEST_VOICE + 2] * 4, lowest=[LOWEST_VOICE] * 4, order=[0, 3, 1, 2])
FOLK = dict(voices=[HIGHEST_MELODY - LOWEST_MELODY + 2, len(CHORDS)], lowest=[LOWEST_MELODY, 0], order=[0, 1])


def _chorales(folder: Path) -> Study:
    train, valid = read_scores(folder / "train.npz"), read_scores(folder / "valid.npz")
    if not isinstance(train, Voices) or not isinstance(valid, Voices):
        raise ValueError(f"{folder}: wanted voices")
    sets = ([symbols_of(piece, LOWEST_VOICE) for piece in one.pieces] for one in (train, valid))
    return VoiceStudy(*sets, [True] * 4, rows=16, crop=144, moved=True)


def _tunes(folder: Path) -> Study:
    train, valid = read_scores(folder / "train.npz"), read_scores(folder / "valid.npz")
    if not isinstance(train, Rolls) or not isinstance(valid, Rolls):
        raise ValueError(f"{folder}: wanted piano rolls")
    sets = ([tune(piece) for piece in one.pieces] for one in (train, valid))
    return VoiceStudy(*sets, [True, False], rows=16, crop=144, moved=False)


RECIPES = {
    "roll-jsb": Recipe(
        "jsb_chorales",
        "roll_density",
        dict(hidden_size=256, depth=2, inner_size=256, dropout=0.5),
        _rolls(rows=16, crop=160, moved=0.0),
        updates=700,
        weight_decay=0.1,
    ),
    "roll-nottingham": Recipe(
        "nottingham",
        "roll_density",
        dict(hidden_size=256, depth=2, inner_size=256, dropout=0.2),
        _rolls(rows=16, crop=192, moved=0.0),
        updates=650,
    ),
    "chorale": Recipe(
        "jsb_satb_16th",
        "composer",
        CHORALE | dict(hidden_size=256, depth=2, inner_size=160, dropout=0.25),
        _chorales,
        updates=700,
    ),
    "folk": Recipe(
        "nottingham",
        "composer",
        FOLK | dict(hidden_size=224, depth=2, inner_size=160, dropout=0.2),
        _tunes,
        updates=700,
    ),
}
STYLES = tuple(RECIPES)
