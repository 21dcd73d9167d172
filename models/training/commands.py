"""Training of the spotter: words close to their ends, with the phones of all speech to learn from."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.build import build_network
from models.readers.commands import CommandsReader
from models.stage import Stage
from models.training import checkpoint, command_check, command_shards
from models.training.command_shards import N_MELS, PHONES, SPEEDS, WORDS, Recording
from models.training.command_streams import STACK, Batch, Source, Streams
from models.training.growth import grow
from models.training.spotting import phone_loss, spotting_loss

LABELS = {"words": list(WORDS), "phones": list(PHONES)}
CLIPS = ("speech_commands", "speech_commands_more")
SENTENCES = (
    ("speechocean762", "train"),
    ("librispeech_8spk", "train"),
    ("arctic_kathleen", "train"),
    ("vctk_p239", "train"),
    ("librispeech_testother_10spk", "train"),
    ("speechocean762", "train_extra"),
)
CHECKED = ("speech_commands", "fsdd", "wakewords", "an4", "librispeech_8spk", "noise_esc10")


@dataclass(frozen=True)
class Shares:
    """How often the sources are drawn: the clips of commands, and speech that only sounds like them."""

    clips: float
    rarity: float  # a text that n clips say is drawn n ** -rarity as often from each of them
    phrases: float  # a few neighbouring words out of a sentence
    prose: float
    untranscribed: float
    echoes: float  # share of the streams in an echoing room


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how long: `updates` of `rows` streams of `steps` frames of 10 ms."""

    name: str
    options: dict
    shares: Shares
    updates: int
    rows: int
    steps: int
    learning_rate: float
    seed: int


SMALL = Recipe(
    "small",
    dict(n_mels=N_MELS, stack=STACK, hidden_size=224, depth=3, delay=7),
    Shares(clips=0.50, rarity=0.8, phrases=0.10, prose=0.08, untranscribed=0.04, echoes=0.0),
    updates=7000,
    rows=16,
    steps=1200,
    learning_rate=2e-3,
    seed=1,
)
# The small network grown wider and deeper: to learn the little that it lacks costs less than all anew.
GROWN = Recipe(
    "grown",
    SMALL.options | dict(hidden_size=320, projection=224, depth=4),
    Shares(clips=0.50, rarity=0.6, phrases=0.10, prose=0.12, untranscribed=0.06, echoes=0.25),
    updates=2000,
    rows=24,
    steps=804,
    learning_rate=1e-3,
    seed=2,
)


def train_commands(
    data: Path,
    out: Path,
    *,
    updates: int | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train the spotter from the data folder, which holds `speech/`; returns the weights' file.

    `out` keeps shards and checkpoints under `commands/`; a run found there goes on where it was.
    `updates` are those of each of the two recipes.
    """
    torch.set_num_threads(threads)
    run = out / "commands"
    run.mkdir(parents=True, exist_ok=True)
    network = _train(SMALL, None, data / "speech", run, updates, resume, progress)
    network = _train(GROWN, network.state_dict(), data / "speech", run, updates, resume, progress)
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, run / "weights.safetensors")
    return run / "weights.safetensors"


def _train(
    recipe: Recipe,
    small: dict[str, Tensor] | None,
    speech: Path,
    run: Path,
    updates: int | None,
    resume: bool,
    progress: Callable[[str], None],
) -> Stage:
    """The network of a recipe, trained; it begins with the weights `small` grown, or anew."""
    torch.manual_seed(recipe.seed)
    outputs = len(WORDS) + len(PHONES)
    network = build_network("acoustic_gru", recipe.options | {"outputs": outputs})
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.01)
    updates = updates or recipe.updates
    done, last = 0, run / f"{recipe.name}.safetensors"
    if resume and last.exists():
        done = checkpoint.restore(last, network, optimizer)["updates"]
        progress(f"{recipe.name}: resumed after {done} updates")
    if done >= updates:
        return network

    streams = _streams(speech, run / "shards", recipe, progress)
    checks = {name: command_shards.load(run / "shards", name, "dev", 1.0) for name in CHECKED}
    if not done and small:
        grow(small, network)
    elif not done:
        _standardize(network, streams.batch(0).frames)
    # What the streams before heard doesn't survive a checkpoint: a run goes on with fresh states.
    state, losses, began = network.initial_state(recipe.rows), [], time.monotonic()
    for batch in streams.batches(done):
        share = done / updates
        rate = recipe.learning_rate * min(1.0, (done + 1) / 150) * (0.01 + 0.495 * (1 + cos(pi * share)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits, state = _logits(network, batch, state)
        words, phones = logits.split([len(WORDS), len(PHONES)], -1)
        spotting = spotting_loss(words, batch.duties, batch.windows, batch.weights)
        phonetic = phone_loss(phones, batch.phones)
        optimizer.zero_grad(set_to_none=True)
        (spotting + (0.4 if small or share >= 0.15 else 1.0) * phonetic).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        done += 1
        losses.append((float(spotting.detach()), float(phonetic.detach())))
        if done % 25 == 0:
            mean = np.mean(losses[-25:], axis=0)
            speed = (time.monotonic() - began) / len(losses)
            progress(
                f"update {done}/{updates} words {mean[0]:.3f} phones {mean[1]:.3f} {speed:.2f} s/update"
            )
        if done % 200 == 0 or done == updates:
            scores, _ = check(network, checks)
            progress(f"check at {done}: " + " ".join(f"{k} {v:.3f}" for k, v in scores.items()))
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps({"recipe": recipe.name, "updates": done} | scores) + "\n")
        if done % 50 == 0 or done == updates:
            checkpoint.save(last, network, optimizer, {"updates": done})
        if done == updates:
            return network
    raise AssertionError("the streams never end")


def check(
    network: Stage, sets: dict[str, list[Recording]], options: dict | None = None
) -> tuple[dict[str, float], Counter]:
    """Dev figures by name, and the false words of the running stream."""
    network.eval()
    reader = CommandsReader(LABELS, options or {}, 1)
    scores = {}
    for name in ("speech_commands", "fsdd", "wakewords", "an4"):
        outputs = command_check.outputs_of(network, sets[name])
        said = [command_check.spoken(reader, o) for o in outputs]
        scores[name] = command_check.accuracy(sets[name], said)
    others = sets["librispeech_8spk"] + sets["noise_esc10"]
    streams, places = command_check.spliced(sets["speech_commands"], others)
    said = [command_check.spoken(reader, o) for o in command_check.outputs_of(network, streams)]
    recall, per_hour, false = command_check.recall(places, said, {"speech_commands"}, STACK)
    network.train()
    return scores | {"recall": recall, "false_per_hour": per_hour}, false


def _streams(speech: Path, cache: Path, recipe: Recipe, progress: Callable[[str], None]) -> Streams:
    """The training data, in the shares in which it is heard."""
    unlabelled = ("librispeech_untranscribed", "unlabelled")
    clips = [(name, "train") for name in (*CLIPS, "fsdd", "wakewords", "an4", "noise_esc10")]
    command_shards.make(speech, cache, [*clips, *SENTENCES, unlabelled], progress=progress)
    command_shards.make(speech, cache, [(name, "dev") for name in CHECKED], (1.0,), progress)

    def versions(*sets: tuple[str, str]) -> list[list[Recording]]:
        return [[r for name, split in sets for r in command_shards.load(cache, name, split, s)] for s in SPEEDS]

    spoken = versions(*((name, "train") for name in CLIPS))
    noise = versions(("noise_esc10", "train"))
    quiet = [[r for r in found if not r.text] for found in spoken]
    spoken = [[r for r in found if r.text] for found in spoken]
    sentences, shares = versions(*SENTENCES), recipe.shares
    sources = [
        Source(shares.clips, spoken, _rarity(spoken[0], shares.rarity), "clip"),
        _even(0.09, versions(("fsdd", "train")), "clip"),
        _even(0.06, versions(("wakewords", "train")), "clip"),
        _even(0.12, versions(("an4", "train")), "clip"),
        _even(0.03, noise, "stretch"),
        _even(0.03, quiet, "stretch"),
        _even(shares.phrases, sentences, "words"),
        Source(shares.prose, sentences, np.array([len(r.frames) for r in sentences[0]], float), "stretch", 450),
        _even(shares.untranscribed, versions(unlabelled), "stretch"),
    ]
    noises = [r.frames for r in noise[1] + quiet[1]]
    return Streams(sources, noises, recipe.rows, recipe.steps, recipe.seed, shares.echoes)


def _even(share: float, versions: list[list[Recording]], cut: str) -> Source:
    return Source(share, versions, np.ones(len(versions[0])), cut)


def _rarity(recordings: list[Recording], power: float) -> np.ndarray:
    """Weights that make texts nearly as frequent as each other."""
    counts = Counter(r.text for r in recordings)
    return np.array([counts[r.text] ** -power for r in recordings])


def _standardize(network: nn.Module, frames: Tensor) -> None:
    """Fill the network's statistics from training streams."""
    weights = network.state_dict()
    (mean,) = [v for k, v in weights.items() if k.endswith("mean")]
    (deviation,) = [v for k, v in weights.items() if k.endswith("deviation")]
    mean.copy_(frames.mean((0, 1)))
    deviation.copy_(frames.std((0, 1)))


def _logits(network: Stage, batch: Batch, state: tuple) -> tuple[Tensor, tuple]:
    """Outputs [B, n, heads] aligned with the input, and the state that the next streams begin with."""
    # Every other stream begins anew; the others carry what they heard.
    fresh = torch.rand(len(batch.frames)) < 0.5
    state = tuple(torch.where(fresh[:, None], torch.zeros_like(leaf), leaf) for leaf in state)
    y, state = network.step(batch.frames, state)
    return y[:, network.warmup :], tuple(leaf.detach() for leaf in state)
