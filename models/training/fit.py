"""One loop for networks that read sentences: updates, averaged weights, checks, checkpoints."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import cos, pi
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from streamer.models.training import checkpoint
from streamer.output_file import write_bytes

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Pace:
    """How long and how fast. `averaged` is the decay of the moving average of the weights, which ships."""

    updates: int
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    averaged: float = 0.998
    check_every: int = 500
    betas: tuple[float, float] = (0.9, 0.98)  # of AdamW
    fused: bool = True  # the optimiser's kernel: the same except for rounding


Loss = Callable[[int, np.ndarray], Tensor]  # of the update's number and its examples
Check = Callable[[Network], dict[str, float]]  # scores of a network; the first is to grow


def fit(
    network: Network,
    pace: Pace,
    batches: Iterator[np.ndarray],
    loss: Loss,
    check: Check[Network],
    run: Path,
    *,
    resume: bool,
    progress: Callable[[str], None],
) -> Path:
    """Train `network`; returns the file of the weights, in float16, that checked best.

    `run` keeps checkpoints and the log; with `resume` a run found there goes on.
    """
    averaged = moving_average(network, pace.averaged)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=pace.learning_rate,
        betas=pace.betas,
        weight_decay=pace.weight_decay,
        fused=pace.fused,
    )
    both, done, best = nn.ModuleList([network, averaged]), 0, 0.0
    last, weights = run / "last.safetensors", run / "weights.safetensors"
    if resume and last.exists():
        meta = checkpoint.restore(last, both, optimizer)
        done, best = meta["updates"], meta["best"]
        progress(f"resumed after {done} updates")

    began, losses = time.monotonic(), []
    for examples in islice(batches, done, max(done, pace.updates)):
        set_learning_rate(optimizer, pace.learning_rate * schedule(done, pace.updates))
        value = loss(done, examples)
        update(network, averaged, optimizer, value)
        done += 1
        losses.append(float(value.detach()))
        if done % 50 == 0:
            speed = (time.monotonic() - began) / len(losses)
            progress(f"update {done}/{pace.updates} loss {np.mean(losses[-50:]):.4f} {speed:.2f} s/update")
        if done % pace.check_every == 0 or done == pace.updates:
            averaged.eval()
            scores = check(cast(Network, averaged.module))
            progress(f"check at {done}: " + " ".join(f"{k} {v:.4f}" for k, v in scores.items()))
            log(run, {"updates": done, "loss": losses[-1], "scores": scores})
            score = next(iter(scores.values()))
            if score > best or not weights.exists():
                best = score
                write_bytes(weights, save(half_precision(averaged.module)))
        if done % 100 == 0 or done == pace.updates:
            checkpoint.save(last, both, optimizer, {"updates": done, "best": best})
    return weights


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of the network whose weights are an exponential moving average of its weights."""
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The rate of all weights."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def update(
    network: nn.Module, averaged: AveragedModel, optimizer: torch.optim.Optimizer, loss: Tensor
) -> None:
    """One step down the gradient of `loss`, its norm clipped, and one of the average."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimizer.step()
    averaged.update_parameters(network)


def schedule(done: int, updates: int) -> float:
    """The share of the learning rate: linear warm-up over 100 updates, then a cosine down to 2 %."""
    return min(1.0, (done + 1) / 100) * (0.02 + 0.49 * (1 + cos(pi * done / updates)))


def log(run: Path, entry: dict[str, object]) -> None:
    """Append a line to the run's log."""
    with (run / "log.jsonl").open("a") as lines:
        lines.write(json.dumps(entry) + "\n")


def half_precision(network: nn.Module) -> dict[str, Tensor]:
    """The weights in float16, as they ship."""
    return {name: value.half().contiguous() for name, value in network.state_dict().items()}


def batches_of_steps(lengths: Sequence[int], steps: int, seed: int) -> Iterator[np.ndarray]:
    """Batches of about `steps` steps, of examples of about one length, in random order, without end."""
    random = np.random.default_rng(seed)
    sizes = np.asarray(lengths)
    while True:
        order = np.argsort(sizes + random.uniform(0, 4, len(sizes)))
        # A batch ends where the sum of the lengths before it has grown by `steps`.
        which = np.cumsum(sizes[order]) // steps
        batches = np.split(order, np.flatnonzero(np.diff(which)) + 1)
        for number in random.permutation(len(batches)):
            yield batches[number]


def batches_of_rows(lengths: Sequence[int], rows: int, noise: float, seed: int) -> Iterator[np.ndarray]:
    """Batches of `rows` examples of about one length (to `noise`), in random order, without end."""
    random = np.random.default_rng(seed)
    sizes = np.asarray(lengths)
    while True:
        order = np.argsort(sizes + random.uniform(0, noise, len(sizes)))
        batches = [order[at : at + rows] for at in range(0, len(order), rows)]
        for number in random.permutation(len(batches)):
            yield batches[number]
