"""`streamer lab why`: what sharing weights over positions buys, on names in Wikipedia's sentences."""

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
from torch.nn.utils.rnn import pad_sequence

from streamer.lab.intervals import Interval, interval
from streamer.lab.rounded_json import write_json
from streamer.lab.sample import FOLDER
from streamer.lab.why_networks import BETWEEN, PADDED, Cost, Marker, RecurrentNetwork, cost
from streamer.models.datasets.text_files import read_lines
from streamer.models.datasets.word_channels import Words, batch

SEEN = 20  # words of the longest sentence that networks learn from
EPOCHS, BATCH, RATE = 12, 16, 3e-3
SEEDS = (1, 2, 3)
DEPTHS = (1, 2, 3)
TIMED_EPOCHS = 2
WORDS = 2000
GROUPS = ("short sentences", "long ones, seen positions", "positions not seen", "past what it is padded to")

Progress = Callable[[str], None]


class MarkedSentence(NamedTuple):
    """A sentence's words as numbers, and for each whether it is part of a name."""

    words: np.ndarray
    names: np.ndarray


@dataclass(frozen=True)
class NetworkKind:
    """What one kind of network costs and does."""

    cost: Cost
    padding: float  # share of its work that is spent on padding, one sentence at a time
    padding_in_batches: float
    accuracy: dict[str, Interval]  # balanced, by group of positions


@dataclass(frozen=True)
class Why:
    """All that is measured: `seconds` of training by the RNN's depth."""

    sentences: dict[str, int]
    kinds: dict[str, NetworkKind]
    seconds: dict[int, float]


def measure(progress: Progress) -> Why:
    """Train every kind with every seed on sentences of up to `SEEN` words; score it on all of dev."""
    torch.set_num_threads(1)
    words = Words()
    train, dev = (_read(FOLDER / f"names.{split}.tsv.gz", words) for split in ("train", "dev"))
    train = [sentence for sentence in train if len(sentence.words) <= SEEN]
    listed = words.frequent([sentence.words for sentence in train], WORDS)
    table = words.table(listed)
    kinds = {}
    for name, between in BETWEEN.items():
        hits: dict[str, list[list[float]]] = {group: [] for group in GROUPS}
        for seed in SEEDS:
            progress(f"{name}, seed {seed}")
            torch.manual_seed(seed)
            network = Marker(len(listed) + 2, between())
            _train(network, table, train, EPOCHS, seed)
            for group, of_seed in _weighed_hits(network, table, dev).items():
                hits[group].append(of_seed)
        accuracy = {group: interval(by_seed) for group, by_seed in hits.items()}
        kinds[name] = NetworkKind(cost(name), *_padding(name, dev), accuracy)
    seconds = {}
    for depth in DEPTHS:
        progress(f"an RNN of depth {depth}")
        network = Marker(len(listed) + 2, RecurrentNetwork(depth))
        began = time.perf_counter()
        _train(network, table, train, TIMED_EPOCHS, 1)
        seconds[depth] = time.perf_counter() - began
    return Why({"train": len(train), "dev": len(dev)}, kinds, seconds)


def write(why: Why, folder: Path) -> Path:
    """`folder`/why.json."""
    return write_json(asdict(why), folder / "why.json")


def show(why: Why) -> None:
    """The tables, on standard output."""
    kinds = why.kinds.values()
    table = Table("", *why.kinds, title=f"names in Wikipedia; learned from sentences of up to {SEEN} words")
    table.add_row("weights without the words' vectors", *(f"{kind.cost.parameters:,}" for kind in kinds))
    twenty = (f"{kind.cost.fixed + 20 * kind.cost.each:,}" for kind in kinds)
    table.add_row("multiplications for 20 words", *twenty)
    table.add_row("share spent on padding", *(f"{kind.padding:.0%}" for kind in kinds))
    table.add_row(f"  in batches of {BATCH}", *(f"{kind.padding_in_batches:.0%}" for kind in kinds))
    for group in GROUPS:
        cells = (kind.accuracy[group] for kind in kinds)
        table.add_row(f"balanced accuracy: {group}", *(f"{a:.1%} [{b:.1%}, {c:.1%}]" for a, b, c in cells))
    Console(width=120).print(table)
    by_depth = ", ".join(f"depth {depth} {seconds:.2f} s" for depth, seconds in why.seconds.items())
    print(f"{TIMED_EPOCHS} epochs of an RNN: {by_depth}")


def _read(path: Path, words: Words) -> list[MarkedSentence]:
    rows = (line.split("\t") for _, line in read_lines(path))
    return [
        MarkedSentence(words.text(text.split(" ")), np.array([int(mark) for mark in marks]))
        for text, marks in rows
    ]


def _train(
    network: Marker, table: np.ndarray, train: Sequence[MarkedSentence], epochs: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    network.train()
    for _ in range(epochs):
        shuffled = random.permutation(len(train))
        for at in range(0, len(train), BATCH):
            x, names = _batch(table, [train[i] for i in shuffled[at : at + BATCH]])
            loss = F.cross_entropy(network(x).flatten(0, 1), names.flatten(), ignore_index=-1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimizer.step()
    network.eval()


def _batch(table: np.ndarray, sentences: Sequence[MarkedSentence]) -> tuple[Tensor, Tensor]:
    x, _ = batch(table, [sentence.words for sentence in sentences])
    names = [torch.from_numpy(sentence.names) for sentence in sentences]
    return x, pad_sequence(names, batch_first=True, padding_value=-1)


@torch.inference_mode()
def _weighed_hits(
    network: Marker, table: np.ndarray, dev: Sequence[MarkedSentence]
) -> dict[str, list[float]]:
    """By group, for each word 0 or, if it is marked right, a weight: their mean is the balanced accuracy."""
    right: dict[str, list[tuple[int, bool]]] = {group: [] for group in GROUPS}
    for sentence in dev:
        x, _ = batch(table, [sentence.words])
        marks = network(x)[0].argmax(-1).tolist()
        long = len(sentence.words) > SEEN
        for at, (name, mark) in enumerate(zip(sentence.names.tolist(), marks)):
            group = GROUPS[0 if not long else 1 if at < SEEN else 2 if at < PADDED else 3]
            right[group].append((name, name == mark))
    weighed = {}
    for group, hits in right.items():
        counts = [max(1, sum(name == kind for name, _ in hits)) for kind in (0, 1)]
        weighed[group] = [hit * len(hits) / (2 * counts[name]) for name, hit in hits]
    return weighed


def _padding(name: str, dev: Sequence[MarkedSentence]) -> tuple[float, float]:
    """The share of work on padding, of sentences one at a time and in batches as they come."""
    lengths = [len(sentence.words) for sentence in dev]
    if name == "feed-forward":
        alone = 1 - sum(min(length, PADDED) for length in lengths) / (PADDED * len(lengths))
        return alone, alone
    batches = [lengths[at : at + BATCH] for at in range(0, len(lengths), BATCH)]
    return 0.0, 1 - sum(lengths) / sum(max(batch) * len(batch) for batch in batches)
