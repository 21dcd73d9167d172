"""Training of the spotter: words close to their ends, with the phones of all speech to learn from."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from streamer.models.audio.features import LOG_FLOOR
from streamer.models.audio.level import Level
from streamer.models.bundle.build import build_network
from streamer.models.bundle.weights import read_weights
from streamer.models.datasets import command_shards
from streamer.models.datasets.command_shards import N_MELS, PHONES, SPEEDS, WORDS, ShardRecording
from streamer.models.layers.stage import Stage
from streamer.models.readers.commands.commands_reader import CommandsReader
from streamer.models.training import checkpoint
from streamer.models.training.speech import command_check
from streamer.models.training.speech.command_streams import (
    STACK,
    CommandBatch,
    CommandStreams,
    RecordingSource,
)
from streamer.models.training.speech.spotting import phone_loss, spotting_loss
from streamer.output_file import write_bytes

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
class CommandsRecipe:
    """What is trained, and how long: on `rows` streams of `steps` frames of 10 ms in every update.

    `cosines` are (until update, length): the learning rate follows the first until then, as if it were
    to end after `length` updates, and so on.
    """

    options: dict = field(
        default_factory=lambda: dict(
            n_mels=N_MELS, stack=STACK, hidden_size=224, depth=3, delay=7, level=True
        )
    )
    cosines: tuple[tuple[int, int], ...] = ((5600, 5600), (7000, 7000))
    rows: int = 16
    steps: int = 1200
    learning_rate: float = 2e-3
    seed: int = 1

    def rate(self, done: int) -> float:
        """The learning rate of the update after `done` others."""
        length = next(length for until, length in self.cosines if done < until)
        return (
            self.learning_rate * min(1.0, (done + 1) / 150) * (0.01 + 0.495 * (1 + cos(pi * done / length)))
        )


def train_commands(
    data: Path,
    out: Path,
    *,
    updates: int | None = None,
    learning_rate: float | None = None,
    start: Path | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train the spotter from the data folder, which holds `speech/`; returns the weights' file.

    `start` is a weights file of the same architecture to begin from. `out` keeps shards and checkpoints
    under `commands/`; a run found there goes on where it was.
    """
    torch.set_num_threads(threads)
    recipe = CommandsRecipe(cosines=((updates, updates),)) if updates else CommandsRecipe()
    updates = recipe.cosines[-1][0]
    if learning_rate:
        recipe = replace(recipe, learning_rate=learning_rate)
    run, cache = out / "commands", out / "commands" / "shards"
    run.mkdir(parents=True, exist_ok=True)
    streams = _streams(data / "speech", cache, recipe, progress)
    checks = {name: command_shards.load(cache, name, "dev", 1.0) for name in CHECKED}

    torch.manual_seed(recipe.seed)
    outputs = len(WORDS) + len(PHONES)
    network = build_network("acoustic_gru", recipe.options | {"outputs": outputs})
    assert isinstance(network, Stage)
    if start:
        network.load_state_dict(read_weights(start, network.state_dict()))
    else:
        _standardize(network, streams.batch(0).frames)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.01)
    done, last = 0, run / "last.safetensors"
    if resume and last.exists():
        done = checkpoint.restore(last, network, optimizer)["updates"]
        progress(f"resumed after {done} updates")

    # What the streams before heard doesn't survive a checkpoint: a run goes on with fresh states.
    state, losses, began = network.initial_state(recipe.rows), [], time.monotonic()
    for batch in streams.batches(done):
        if done >= updates:
            break
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(done)
        logits, state = _logits(network, batch, state)
        words, phones = logits.split([len(WORDS), len(PHONES)], -1)
        spotting = spotting_loss(words, batch.duties, batch.windows, batch.weights)
        phonetic = phone_loss(phones, batch.phones)
        optimizer.zero_grad(set_to_none=True)
        (spotting + (1.0 if done < 0.15 * updates and not start else 0.4) * phonetic).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        done += 1
        losses.append((float(spotting.detach()), float(phonetic.detach())))
        if done % 25 == 0:
            mean = np.mean(losses[-25:], axis=0)
            speed = (time.monotonic() - began) / len(losses)
            progress(f"update {done}/{updates} words {mean[0]:.3f} phones {mean[1]:.3f} {speed:.2f} s/update")
        if done % 200 == 0 or done == updates:
            scores, _ = check(network, checks)
            progress(f"check at {done}: " + " ".join(f"{k} {v:.3f}" for k, v in scores.items()))
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps({"updates": done} | scores) + "\n")
        if done % 50 == 0 or done == updates:
            checkpoint.save(last, network, optimizer, {"updates": done})
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    write_bytes(run / "weights.safetensors", save(weights))
    return run / "weights.safetensors"


def check(
    network: Stage, sets: dict[str, list[ShardRecording]], options: dict | None = None
) -> tuple[dict[str, float], Counter]:
    """Dev figures by name, and the false words of the running stream."""
    network.eval()
    reader = CommandsReader(LABELS, options or {}, 1)
    scores = {}
    for name in ("speech_commands", "fsdd", "wakewords", "an4"):
        outputs = command_check.outputs_of(network, sets[name])
        heard = [command_check.spoken(reader, o) for o in outputs]
        scores[name] = command_check.accuracy(sets[name], heard)
    others = sets["librispeech_8spk"] + sets["noise_esc10"]
    streams, places = command_check.spliced(sets["speech_commands"], others)
    heard = [command_check.spoken(reader, o) for o in command_check.outputs_of(network, streams)]
    recall, per_hour, false = command_check.recall(places, heard, {"speech_commands"}, STACK)
    network.train()
    return scores | {"recall": recall, "false_per_hour": per_hour}, false


def _streams(
    speech: Path, cache: Path, recipe: CommandsRecipe, progress: Callable[[str], None]
) -> CommandStreams:
    """The training data, in the shares in which it is heard."""
    unlabelled = ("librispeech_untranscribed", "unlabelled")
    clips = [(name, "train") for name in (*CLIPS, "fsdd", "wakewords", "an4", "noise_esc10")]
    command_shards.make(speech, cache, [*clips, *SENTENCES, unlabelled], progress=progress)
    command_shards.make(speech, cache, [(name, "dev") for name in CHECKED], (1.0,), progress)

    def versions(*sets: tuple[str, str]) -> list[list[ShardRecording]]:
        return [
            [r for name, split in sets for r in command_shards.load(cache, name, split, s)] for s in SPEEDS
        ]

    spoken = versions(*((name, "train") for name in CLIPS))
    noise = versions(("noise_esc10", "train"))
    quiet = [[r for r in recordings if not r.text] for recordings in spoken]
    spoken = [[r for r in recordings if r.text] for recordings in spoken]
    sentences = versions(*SENTENCES)
    sources = [
        RecordingSource(0.46, spoken, _rarity(spoken[0]), "clip"),
        _even(0.12, versions(("fsdd", "train")), "clip"),
        _even(0.06, versions(("wakewords", "train")), "clip"),
        _even(0.12, versions(("an4", "train")), "clip"),
        _even(0.05, noise, "stretch"),
        _even(0.03, quiet, "stretch"),
        _even(0.10, sentences, "words"),
        RecordingSource(
            0.12, sentences, np.array([len(r.frames) for r in sentences[0]], float), "stretch", 450
        ),
        _even(0.04, versions(unlabelled), "stretch"),
    ]
    noises = [r.frames for r in noise[1] + quiet[1]]
    return CommandStreams(sources, noises, recipe.rows, recipe.steps, recipe.seed)


def _even(share: float, versions: list[list[ShardRecording]], cut: str) -> RecordingSource:
    return RecordingSource(share, versions, np.ones(len(versions[0])), cut)


def _rarity(recordings: list[ShardRecording]) -> np.ndarray:
    """Weights that make texts nearly as frequent as each other."""
    counts = Counter(r.text for r in recordings)
    return np.array([counts[r.text] ** -0.8 for r in recordings])


def _standardize(network: nn.Module, frames: Tensor) -> None:
    """Fill the network's statistics from training streams, their loudness taken out."""
    level = Level(N_MELS, float(np.log(LOG_FLOOR)))
    frames, _ = level.step(frames, level.initial_state(len(frames)))
    weights = network.state_dict()
    (mean,) = [v for k, v in weights.items() if k.endswith("mean")]
    (deviation,) = [v for k, v in weights.items() if k.endswith("deviation")]
    mean.copy_(frames.mean((0, 1)))
    deviation.copy_(frames.std((0, 1)))


def _logits(network: Stage, batch: CommandBatch, state: tuple) -> tuple[Tensor, tuple]:
    """Outputs [B, n, heads] aligned with the input, and the state that the next streams begin with."""
    # Every other stream starts afresh; the others keep their state.
    fresh = torch.rand(len(batch.frames)) < 0.5
    beginning = network.initial_state(len(batch.frames))
    state = tuple(torch.where(fresh[:, None], new, leaf) for new, leaf in zip(beginning, state))
    y, state = network.step(batch.frames, state)
    return y[:, network.warmup :], tuple(leaf.detach() for leaf in state)
