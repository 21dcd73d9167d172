"""`streamer lab why`: what sharing weights over positions buys, measured on names in Wikipedia's sentences."""

import gzip
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from streamer.lab.intervals import Interval, interval
from streamer.lab.sample import FOLDER
from streamer.lab.why_networks import BETWEEN, PADDED, Cost, Marker, Reader, cost
from streamer.models.datasets.word_channels import Words, batch

SEEN = 20  # words of the longest sentence that is learnt from
EPOCHS, BATCH, RATE = 12, 16, 3e-3
SEEDS = (1, 2, 3)
DEPTHS = (1, 2, 3)
TIMED_EPOCHS = 2
WORDS = 2000
GROUPS = ("short sentences", "long ones, seen positions", "positions not seen", "past what it is padded to")

Progress = Callable[[str], None]


class Sentence(NamedTuple):
    """A sentence's words as numbers, and for each whether it is part of a name."""

    words: np.ndarray
    names: np.ndarray


@dataclass(frozen=True)
class Kind:
    """What one kind of network costs and does."""

    cost: Cost
    padding: float  # share of its work that is spent on padding, one sentence at a time
    padding_in_batches: float
    accuracy: dict[str, Interval]  # balanced, by group of positions


@dataclass(frozen=True)
class Why:
    """All that is measured: `seconds` of training by the RNN's depth."""

    sentences: dict[str, int]
    kinds: dict[str, Kind]
    seconds: dict[int, float]


def measure(progress: Progress) -> Why:
    """Train every kind with every seed on sentences of up to `SEEN` words, and score it on dev ones of any length."""
    torch.set_num_threads(1)
    words = Words()
    train, dev = (_read(FOLDER / f"names.{split}.tsv.gz", words) for split in ("train", "dev"))
    train = [one for one in train if len(one.words) <= SEEN]
    listed = words.frequent([one.words for one in train], WORDS)
    table = words.table(listed)
    kinds = {}
    for name, between in BETWEEN.items():
        hits: dict[str, list[list[float]]] = {group: [] for group in GROUPS}
        for seed in SEEDS:
            progress(f"{name}, seed {seed}")
            torch.manual_seed(seed)
            network = Marker(len(listed) + 2, between())
            _train(network, table, train, EPOCHS, seed)
            for group, some in _weighed_hits(network, table, dev).items():
                hits[group].append(some)
        kinds[name] = Kind(
            cost(name), *_padding(name, dev), {group: interval(some) for group, some in hits.items()}
        )
    seconds = {}
    for depth in DEPTHS:
        progress(f"an RNN of depth {depth}")
        network = Marker(len(listed) + 2, Reader(depth))
        began = time.perf_counter()
        _train(network, table, train, TIMED_EPOCHS, 1)
        seconds[depth] = time.perf_counter() - began
    return Why({"train": len(train), "dev": len(dev)}, kinds, seconds)


def write(why: Why, folder: Path) -> Path:
    """`folder`/why.json."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "why.json"
    whole = json.loads(json.dumps(asdict(why)), parse_float=lambda text: float(f"{float(text):.4g}"))
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return path


def show(why: Why) -> None:
    """The tables, on standard output."""
    table = Table("", *why.kinds, title=f"names in Wikipedia; learnt from sentences of up to {SEEN} words")
    table.add_row(
        "weights behind the words' vectors", *(f"{kind.cost.parameters:,}" for kind in why.kinds.values())
    )
    twenty = (f"{kind.cost.fixed + 20 * kind.cost.each:,}" for kind in why.kinds.values())
    table.add_row("multiplications for 20 words", *twenty)
    table.add_row("share spent on padding", *(f"{kind.padding:.0%}" for kind in why.kinds.values()))
    table.add_row(
        f"  in batches of {BATCH}", *(f"{kind.padding_in_batches:.0%}" for kind in why.kinds.values())
    )
    for group in GROUPS:
        cells = (kind.accuracy[group] for kind in why.kinds.values())
        table.add_row(f"balanced accuracy: {group}", *(f"{a:.1%} [{b:.1%}, {c:.1%}]" for a, b, c in cells))
    Console(width=120).print(table)
    print(
        f"{TIMED_EPOCHS} epochs of an RNN: "
        + ", ".join(f"depth {d} {s:.2f} s" for d, s in why.seconds.items())
    )


def _read(path: Path, words: Words) -> list[Sentence]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        parts = [line.rstrip("\n").split("\t") for line in lines]
    return [
        Sentence(words.text(text.split(" ")), np.array([int(one) for one in marks])) for text, marks in parts
    ]


def _train(network: Marker, table: np.ndarray, train: Sequence[Sentence], epochs: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    network.train()
    for _ in range(epochs):
        shuffled = random.permutation(len(train))
        for at in range(0, len(train), BATCH):
            some = [train[i] for i in shuffled[at : at + BATCH]]
            x, names = _batch(table, some)
            loss = F.cross_entropy(network(x).flatten(0, 1), names.flatten(), ignore_index=-1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimizer.step()
    network.eval()


def _batch(table: np.ndarray, some: Sequence[Sentence]) -> tuple[Tensor, Tensor]:
    x, lengths = batch(table, [one.words for one in some])
    names = torch.full(x.shape[:2], -1, dtype=torch.long)
    for row, one in zip(names, some):
        row[: len(one.names)] = torch.from_numpy(one.names)
    return x, names


@torch.inference_mode()
def _weighed_hits(network: Marker, table: np.ndarray, dev: Sequence[Sentence]) -> dict[str, list[float]]:
    """By group, for each word 0 or, if it is marked right, a weight: their mean is the balanced accuracy."""
    right: dict[str, list[tuple[int, bool]]] = {group: [] for group in GROUPS}
    for one in dev:
        x, _ = batch(table, [one.words])
        found = network(x)[0].argmax(-1).numpy()
        for at, (name, told) in enumerate(zip(one.names.tolist(), found.tolist())):
            long = len(one.words) > SEEN
            group = GROUPS[0 if not long else 1 if at < SEEN else 2 if at < PADDED else 3]
            right[group].append((name, name == told))
    weighed = {}
    for group, some in right.items():
        counts = [max(1, sum(name == kind for name, _ in some)) for kind in (0, 1)]
        weighed[group] = [hit * len(some) / (2 * counts[name]) for name, hit in some]
    return weighed


def _padding(name: str, dev: Sequence[Sentence]) -> tuple[float, float]:
    """The share of work on padding, of sentences one at a time and in batches as they come."""
    lengths = [min(len(one.words), PADDED) for one in dev]
    alone = 1 - sum(lengths) / (PADDED * len(lengths))
    if name == "feed-forward":
        return alone, alone
    lengths = [len(one.words) for one in dev]
    batches = [lengths[at : at + BATCH] for at in range(0, len(lengths), BATCH)]
    return 0.0, 1 - sum(lengths) / sum(max(some) * len(some) for some in batches)
