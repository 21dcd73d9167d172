"""Training of the speech recognisers: phones frame by frame, then CTC-CRF on phones, CTC on letters."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.audio.features import LOG_FLOOR
from streamer.models.audio.level import Level
from streamer.models.bundle.build import build_network
from streamer.models.bundle.weights import read_weights
from streamer.models.datasets import shards
from streamer.models.layers.stage import Stage
from streamer.models.layers.whole import Whole
from streamer.models.training import checkpoint
from streamer.models.training.scoring import greedy, pooled_error
from streamer.models.training.speech import kokoro, synthetic_speech, unlabelled
from streamer.models.training.speech.augment import another_room, another_speaker
from streamer.models.training.speech.crf import PhoneTrigram, denominator
from streamer.models.training.speech.rows import UtteranceBatch, UtteranceRows
from streamer.output_file import write_bytes

HEADS = (len(shards.PHONES), len(shards.CHARACTERS))
AUXILIARY = len(shards.PHONES)  # frame-wise phones, silence at 0; cut off before shipping
OUTPUTS = sum(HEADS) + AUXILIARY
CHECKED = (
    ("an4", 101),
    ("librispeech_8spk", 60),
    ("librispeech_clean100_239spk", 80),
    ("speechocean762", 120),
)
CTC_SHARE = 0.1  # of plain CTC beside CTC-CRF, as its authors have it
SHARE = {
    "an4": 2.0,
    "speech_commands": 0.35,
    "speech_commands_more": 0.35,
    "librispeech_clean100_239spk": 2.0,
    "librispeech_untranscribed": 2.0,
    "noise_esc10": 2.0,
    "speechocean762": 1.7,
    "synthetic": 0.5,
}


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how long. `updates` of `rows` rows of `row_steps` frames of 10 ms."""

    architecture: str
    options: dict = field(default_factory=dict)
    updates: int = 6500
    rows: int = 5
    row_steps: int = 2004
    learning_rate: float = 2e-3
    framewise: float = 0.3  # the share of updates that learn frame-wise phones alone
    seed: int = 1


RECIPES = {
    "live": Recipe(
        "acoustic_lstm",
        dict(n_mels=80, stack=3, cell="lstm", hidden_size=296, depth=3, delay=7, level=True, dropout=0.15),
    ),
    "offline": Recipe(
        "acoustic_bidirectional",
        dict(n_mels=80, stack=3, cell="lstm", hidden_size=256, depth=3, level=True, dropout=0.15),
    ),
}


def train_captions(
    data: Path,
    out: Path,
    mode: str = "live",
    *,
    updates: int | None = None,
    learning_rate: float | None = None,
    start: Path | None = None,
    synthetic_hours: float = 0.0,
    kokoro_hours: float = 0.0,
    with_unlabelled: bool = False,
    dropout: float | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train `mode` ("live" or "offline") from the data folder; returns the best weights' file.

        `data` holds `speech/` and `text/`. `out` keeps shards and checkpoints; a run found there goes on.
        `start` is a weights file of the same architecture to begin from. `synthetic_hours` of speech that a
        machine reads from the open texts are made once and learnt from by CTC, beside the recordings; of what
    `kokoro.make` made, phones included, `kokoro_hours` are taken.
    `with_unlabelled` adds untranscribed speech, transcribed by another recogniser. `dropout` is a
        share for the recipe's.
    """
    torch.set_num_threads(threads)
    recipe = RECIPES[mode]
    updates = updates or recipe.updates
    rate = learning_rate or recipe.learning_rate
    torch.manual_seed(recipe.seed)
    chosen = {} if dropout is None else {"dropout": dropout}
    network = build_network(recipe.architecture, recipe.options | chosen | {"outputs": OUTPUTS})
    if start:
        _begin_from(network, start)
    speech, cache, run = data / "speech", out / "shards", out / f"captions-{mode}"
    run.mkdir(parents=True, exist_ok=True)
    shards.make(speech, cache, shards.CAPTION_SETS + shards.NOISE_SETS, progress=progress)
    shards.make(speech, cache, [(s, "dev") for s, _ in CHECKED], (1.0,), progress)
    groups = shards.load(cache, shards.CAPTION_SETS + shards.NOISE_SETS, shards.SPEEDS)
    if with_unlabelled:
        unlabelled.make(speech, cache, progress=progress)
        groups += shards.load(cache, [unlabelled.SET], shards.SPEEDS)
    groups += shards.load(cache, kokoro.parts(cache, kokoro_hours), (1.0,))
    # Speech without an alignment teaches nothing; noise teaches that there is nothing to say.
    groups = [g for g in groups if len(g[0].phones) or not len(g[0].characters)]
    read_aloud = []
    if synthetic_hours:
        synthetic_speech.make(data / "text", cache, synthetic_hours, progress=progress)
        read_aloud = shards.load(cache, [synthetic_speech.SET], (1.0,))
    noises = [g[0].frames for g in shards.load(cache, shards.NOISE_SETS, (1.0,))]
    aligned, everything = (
        UtteranceRows(source, noises, recipe.row_steps, recipe.rows, recipe.seed, SHARE)
        for source in (groups, groups + read_aloud)
    )
    trigram = PhoneTrigram((g[0].phones for g in groups), HEADS[0])
    checks = {s: [g[0] for g in shards.load(cache, [(s, "dev")], (1.0,))][:n] for s, n in CHECKED}

    if not start:
        _standardize(network, groups)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    done, seen_pass, best = 0, 0, float("inf")
    last = run / "last.safetensors"
    if resume and last.exists():
        meta = checkpoint.restore(last, network, optimizer)
        done, seen_pass, best = meta["updates"], meta["pass"] + 1, meta["best"]
        progress(f"resumed after {done} updates")

    framewise_updates = 0 if start else int(recipe.framewise * updates)
    state, began, losses, number = None, time.monotonic(), [], seen_pass
    while done < updates:
        framewise = done < framewise_updates
        phase_end = framewise_updates if framewise else updates
        if done and done == framewise_updates:
            _seed_phone_head(network)
        batches = (
            aligned.batches(another_speaker, number)
            if framewise
            else everything.batches(another_room, number)
        )
        for number, batch in islice(batches, phase_end - done):
            for group in optimizer.param_groups:
                group["lr"] = rate * _schedule(done, updates)
            logits, state = _logits(network, batch, state)
            loss = _loss(logits, batch, None if framewise else trigram)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            done += 1
            losses.append(float(loss.detach()))
            if done % 25 == 0:
                speed = (time.monotonic() - began) / len(losses)
                progress(
                    f"update {done}/{updates} pass {number} loss {np.mean(losses[-25:]):.3f} "
                    f"{speed:.2f} s/update"
                )
            if done % 250 == 0 or done == updates:
                best = _keep(network, checks, run, done, best, progress)
                meta = {"updates": done, "pass": number, "best": best}
                checkpoint.save(last, network, optimizer, meta)
    return run / "best.safetensors"


def _schedule(done: int, updates: int) -> float:
    """Linear warm-up over 100 updates, then a cosine down to 2 %."""
    return min(1.0, (done + 1) / 100) * (0.02 + 0.49 * (1 + cos(pi * done / updates)))


def _keep(network: nn.Module, checks: dict, run: Path, done: int, best: float, progress: Callable) -> float:
    """Score on dev, write the log, and keep the weights if they are the best so far."""
    scores = {name: _check(network, examples) for name, examples in checks.items()}
    mean = float(np.mean([phone + character for phone, character in scores.values()]))
    text = " ".join(f"{s} PER {p:.3f} CER {c:.3f}" for s, (p, c) in scores.items())
    progress(f"check at {done}: {text}")
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps({"updates": done, "scores": scores}) + "\n")
    if mean < best:
        write_bytes(run / "best.safetensors", save(shipped(network)))
    return min(mean, best)


def _standardize(network: nn.Module, groups: list) -> None:
    """Fill the network's statistics from a sample of the training frames, their loudness taken out."""
    level = Level(shards.N_MELS, float(np.log(LOG_FLOOR)))
    frames = (torch.from_numpy(g[0].frames.astype(np.float32))[None] for g in groups[::9])
    sample = torch.cat([level.step(x, level.initial_state(1))[0][0, ::7] for x in frames])
    weights = network.state_dict()
    (mean,) = [v for k, v in weights.items() if k.endswith("mean")]
    (deviation,) = [v for k, v in weights.items() if k.endswith("deviation")]
    mean.copy_(sample.mean(0))
    deviation.copy_(sample.std(0))


def _seed_phone_head(network: nn.Module) -> None:
    """Begin CTC from the frame-wise phones: the same map, silence as the blank."""
    for value in network.state_dict().values():
        if _of_last_map(value):
            value[:AUXILIARY].copy_(value[-AUXILIARY:])


def _begin_from(network: nn.Module, start: Path) -> None:
    """Take over shipped weights; the auxiliary head, which doesn't ship, keeps its random start.

    ValueError for weights of another network.
    """
    own = network.state_dict()
    for name, value in read_weights(start, shipped(network)).items():
        own[name][: len(value)].copy_(value) if own[name].dim() else own[name].copy_(value)


def shipped(network: nn.Module) -> dict[str, Tensor]:
    """The weights in float16, without the auxiliary head, which is the last map's last rows."""
    return {
        name: (value[: sum(HEADS)] if _of_last_map(value) else value).half().contiguous()
        for name, value in network.state_dict().items()
    }


def _of_last_map(value: Tensor) -> bool:
    """Whether a weight or a bias is the last map's."""
    return bool(value.dim()) and value.shape[0] == OUTPUTS


def _logits(network: Stage | Whole, batch: UtteranceBatch, state) -> tuple[Tensor, tuple | None]:
    """Outputs [B, n, heads] aligned with the input, and the state that the next rows begin with."""
    if isinstance(network, Whole):
        lengths = torch.full((len(batch.frames),), batch.frames.shape[1])
        return network(batch.frames, lengths), None
    beginning = network.initial_state(len(batch.frames))
    state = state or beginning
    # Two streams in five start afresh; the others keep their state, at another loudness.
    fresh = torch.rand(len(batch.frames)) < 0.4
    state = tuple(torch.where(fresh[:, None], new, leaf) for new, leaf in zip(beginning, state))
    y, state = network.step(batch.frames, state)
    return y[:, network.warmup :], tuple(leaf.detach() for leaf in state)


def _loss(logits: Tensor, batch: UtteranceBatch, trigram: PhoneTrigram | None) -> Tensor:
    """Frame-wise phones alone without a trigram, else all three heads."""
    phones, characters, auxiliary = logits.split([*HEADS, AUXILIARY], dim=-1)
    steps = logits.shape[1]
    stack = batch.frames.shape[1] // steps  # the row's tail is longer than what the delay cuts off
    marks = batch.frame_phones[:, stack // 2 :: stack][:, :steps]
    frame_loss = F.cross_entropy(auxiliary.transpose(1, 2), marks, ignore_index=shards.UNLABELLED)
    if trigram is None:
        return frame_loss
    counts = torch.full((len(logits),), steps)
    phone_loss = (1 + CTC_SHARE) * _ctc(phones, batch.phones, counts, batch.phone_counts)
    phone_loss += denominator(F.log_softmax(phones, -1), trigram).sum() / max(
        1, int(batch.phone_counts.sum())
    )
    character_loss = _ctc(characters, batch.characters, counts, batch.character_counts)
    return phone_loss + 0.3 * character_loss + 0.3 * frame_loss


def _ctc(logits: Tensor, labels: Tensor, counts: Tensor, label_counts: Tensor) -> Tensor:
    """CTC (Graves 2006), in nats per label."""
    rows = F.log_softmax(logits, -1).transpose(0, 1)
    loss = F.ctc_loss(rows, labels, counts, label_counts, reduction="sum", zero_infinity=True)
    return loss / max(1, int(label_counts.sum()))


@torch.inference_mode()
def _check(network: nn.Module, examples: list) -> tuple[float, float]:
    """Phone and character error of greedy decoding, pooled over `examples`."""
    phone_pairs, character_pairs = [], []
    ordered = sorted(examples, key=lambda e: len(e.frames))
    network.eval()
    for at in range(0, len(ordered), 20):
        batch = ordered[at : at + 20]
        longest = max(len(e.frames) for e in batch) + 40
        frames = torch.full((len(batch), longest, shards.N_MELS), float(np.log(LOG_FLOOR)))
        for row, example in zip(frames, batch):
            row[: len(example.frames)] = torch.from_numpy(example.frames.astype(np.float32))
        if isinstance(network, Whole):
            logits = network(frames, torch.full((len(batch),), longest))
        else:
            logits = network(frames)
        phones, characters = logits.split([*HEADS, logits.shape[-1] - sum(HEADS)], -1)[:2]
        phone_pairs += [(e.phones, greedy(row)) for e, row in zip(batch, phones)]
        character_pairs += [(e.characters, greedy(row)) for e, row in zip(batch, characters)]
    network.train()
    return pooled_error(phone_pairs), pooled_error(character_pairs)
