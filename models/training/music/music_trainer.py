"""Training of the networks of music: one loop, a style chooses what is learned."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from streamer.models.bundle.build import build_network
from streamer.models.bundle.weights import read_weights
from streamer.models.music.folk import HIGHEST_MELODY, LOWEST_MELODY, tune
from streamer.models.music.folk_chords import CHORDS
from streamer.models.music.metre import Metre, changes_of, metre
from streamer.models.music.scores import Rolls, Voices, read_scores, symbols_of
from streamer.models.training import checkpoint
from streamer.models.training.fit import half_precision, log, set_learning_rate
from streamer.models.training.music.rolls import RollStudy
from streamer.models.training.music.voices import Drawing, VoiceStudy, last_chord, longest_runs
from streamer.output_file import write_bytes


class Study(Protocol):
    """A loss to lower, and figures of data that is not trained on."""

    def loss(self, network: Any, random: np.random.Generator) -> Tensor:
        """The loss of a batch that `random` draws."""

    def check(self, network: Any) -> dict[str, float]:
        """Figures of the valid set; the first one decides which weights are kept, the lower the better."""


@dataclass(frozen=True)
class MusicRecipe:
    """How a style is trained: the `folder` of its data, the network, and how long."""

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
    if endings:
        if not isinstance(study, VoiceStudy):
            raise ValueError(f"{style} scores piano rolls; only a composer learns endings")
        study.endings = endings
    if isinstance(study, VoiceStudy):
        progress(f"for the card: {_limits(study.train)}")
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
                write_bytes(best, save(half_precision(network)))
            shown = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
            speed = (time.monotonic() - began) / len(losses)
            mean = float(np.mean(losses[-recipe.check_every :]))
            progress(f"{style} {done}/{updates} loss {mean:.4f} valid {shown} {speed:.2f} s/update")
            log(run, {"updates": done, "loss": mean, **figures})
            meta = {"updates": done, "lowest": lowest, "lowest_at": lowest_at}
            checkpoint.save(last, network, optimizer, meta)
    return best


def _limits(pieces: list[np.ndarray]) -> str:
    """What a card says of the longest notes of its corpus."""
    notes, rests = longest_runs(pieces)
    return f"longest_notes = {notes}, longest_rests = {rests}, last_chord = {last_chord(pieces)}"


def _update(
    network: nn.Module,
    study: Study,
    optimizer: torch.optim.Optimizer,
    rate: float,
    random: np.random.Generator,
) -> float:
    set_learning_rate(optimizer, rate)
    loss = study.loss(network, random)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _check(network: nn.Module, study: Study) -> dict[str, float]:
    network.eval()
    figures = study.check(network)
    network.train()
    return figures


Scores = TypeVar("Scores", Rolls, Voices)


def _sets(folder: Path, kind: type[Scores]) -> tuple[Scores, Scores]:
    """The training and the valid set in `folder`. ValueError for scores of another kind."""
    train, valid = read_scores(folder / "train.npz"), read_scores(folder / "valid.npz")
    if not isinstance(train, kind) or not isinstance(valid, kind):
        raise ValueError(f"{folder}: wanted {'piano rolls' if kind is Rolls else 'voices'}")
    return train, valid


def _rolls(rows: int, crop: int, moved: float) -> Callable[[Path], Study]:
    def study(folder: Path) -> Study:
        return RollStudy(*_sets(folder, Rolls), rows, crop, moved)

    return study


CHORALE_BAR, FOLK_BARS = 16, (8, 6)  # steps
LOWEST_VOICE, HIGHEST_VOICE = 33, 84  # of the four voices' common alphabet
CHORALE = dict(voices=[HIGHEST_VOICE - LOWEST_VOICE + 2] * 4, lowest=[LOWEST_VOICE] * 4, order=[0, 3, 1, 2])
FOLK = dict(voices=[HIGHEST_MELODY - LOWEST_MELODY + 2, len(CHORDS)], lowest=[LOWEST_MELODY, 0], order=[0, 1])


def _chorales(folder: Path) -> Study:
    train, valid = (
        [symbols_of(piece, LOWEST_VOICE) for piece in scores.pieces] for scores in _sets(folder, Voices)
    )
    metres = [Metre(CHORALE_BAR, 0)] * len(train)  # all pieces begin at the same place of a bar or before it
    return VoiceStudy(train, valid, Drawing([True] * 4, metres, rows=16, crop=144, moved=True))


def _tunes(folder: Path) -> Study:
    train, valid = ([tune(piece) for piece in scores.pieces] for scores in _sets(folder, Rolls))
    metres = [metre(changes_of(piece[:, 1]), FOLK_BARS) for piece in train]
    return VoiceStudy(train, valid, Drawing([True, False], metres, rows=16, crop=144, moved=False))


RECIPES = {
    "roll-jsb": MusicRecipe(
        "jsb_chorales",
        "roll_density",
        dict(hidden_size=256, depth=2, inner_size=256, dropout=0.5),
        _rolls(rows=16, crop=160, moved=0.0),
        updates=700,
        weight_decay=0.1,
    ),
    "roll-nottingham": MusicRecipe(
        "nottingham",
        "roll_density",
        dict(hidden_size=256, depth=2, inner_size=256, dropout=0.2),
        _rolls(rows=16, crop=192, moved=0.0),
        updates=650,
    ),
    "chorale": MusicRecipe(
        "jsb_satb_16th",
        "composer",
        CHORALE | dict(hidden_size=256, depth=2, inner_size=160, dropout=0.25),
        _chorales,
        updates=700,
    ),
    "folk": MusicRecipe(
        "nottingham",
        "composer",
        FOLK | dict(hidden_size=224, depth=2, inner_size=160, dropout=0.2),
        _tunes,
        updates=700,
    ),
}
