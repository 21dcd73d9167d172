"""One loop for networks that read sentences: updates, averaged weights, checks, checkpoints."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from streamer.models.training import checkpoint


@dataclass(frozen=True)
class Pace:
    """How long and how fast. `averaged` is the decay of the moving average of the weights, which ships."""

    updates: int
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    averaged: float = 0.998
    check_every: int = 500


Loss = Callable[[int, np.ndarray], Tensor]  # of the update's number and the examples it takes
Check = Callable[[nn.Module], dict[str, float]]  # figures of a network; the first is to grow


def fit(
    network: nn.Module,
    pace: Pace,
    batches: Iterator[np.ndarray],
    loss: Loss,
    check: Check,
    run: Path,
    *,
    resume: bool,
    progress: Callable[[str], None],
) -> Path:
    """Train `network`; returns the file of the weights, in float16, that checked best.

    `run` keeps checkpoints and the log; with `resume` a run found there goes on.
    """
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(pace.averaged)
    )
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=pace.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=pace.weight_decay,
        fused=True,
    )
    both, done, best = nn.ModuleList([network, averaged]), 0, 0.0
    last, weights = run / "last.safetensors", run / "weights.safetensors"
    if resume and last.exists():
        meta = checkpoint.restore(last, both, optimizer)
        done, best = meta["updates"], meta["best"]
        progress(f"resumed after {done} updates")

    began, losses = time.monotonic(), []
    for examples in islice(batches, done, max(done, pace.updates)):
        for group in optimizer.param_groups:
            group["lr"] = pace.learning_rate * _schedule(done, pace.updates)
        value = loss(done, examples)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        averaged.update_parameters(network)
        done += 1
        losses.append(float(value.detach()))
        if done % 50 == 0:
            speed = (time.monotonic() - began) / len(losses)
            progress(f"update {done}/{pace.updates} loss {np.mean(losses[-50:]):.4f} {speed:.2f} s/update")
        if done % pace.check_every == 0 or done == pace.updates:
            averaged.eval()
            scores = check(averaged.module)
            progress(f"check at {done}: " + " ".join(f"{k} {v:.4f}" for k, v in scores.items()))
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps({"updates": done, "loss": losses[-1], "scores": scores}) + "\n")
            score = next(iter(scores.values()))
            if score > best or not weights.exists():
                best = score
                save_file(shipped(averaged.module), weights)
        if done % 100 == 0 or done == pace.updates:
            checkpoint.save(last, both, optimizer, {"updates": done, "best": best})
    return weights


def order(lengths: Sequence[int], steps: int, seed: int) -> Iterator[np.ndarray]:
    """Batches of about `steps` steps, of examples of about one length, in random order, for ever."""
    random = np.random.default_rng(seed)
    lengths = np.asarray(lengths)
    while True:
        noisy = np.argsort(lengths + random.uniform(0, 4, len(lengths)))
        # A batch ends where the sum of the lengths before it has grown by `steps`.
        which = np.cumsum(lengths[noisy]) // steps
        batches = np.split(noisy, np.flatnonzero(np.diff(which)) + 1)
        for number in random.permutation(len(batches)):
            yield batches[number]


def shipped(network: nn.Module) -> dict[str, Tensor]:
    """The weights in float16."""
    return {name: value.half().contiguous() for name, value in network.state_dict().items()}


def _schedule(done: int, updates: int) -> float:
    """Linear warm-up over 100 updates, then a cosine down to 2 %."""
    return min(1.0, (done + 1) / 100) * (0.02 + 0.49 * (1 + cos(pi * done / updates)))
