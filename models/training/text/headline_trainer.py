"""Training of the headline network: abstracts and their titles."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import torch
from rouge_score.rouge_scorer import RougeScorer
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.bundle.build import build_network
from streamer.models.datasets.text_files import read_lines
from streamer.models.datasets.word_channels import Words, batch
from streamer.models.networks.headline_network import UNKNOWN, WORD, Headline
from streamer.models.text.words import read_words, split_words
from streamer.models.training import checkpoint
from streamer.models.training.fit import (
    batches_of_rows,
    half_precision,
    log,
    moving_average,
    schedule,
    set_learning_rate,
    update,
)
from streamer.models.training.vectors import word_vectors
from streamer.output_file import write_bytes, write_text

ABSTRACT_WORDS = 120
ARCHITECTURE = "headline"


@dataclass(frozen=True)
class HeadlineRecipe:
    """How long and how fast."""

    updates: int = 800
    rows: int = 32
    words: int = 12000
    word_size: int = 128
    learning_rate: float = 2e-3
    choosing: float = 0.5  # weight of the loss that learns which words a title takes
    averaged: float = 0.998  # of the moving average of the weights that ships
    seed: int = 1


RECIPE = HeadlineRecipe()


@dataclass(frozen=True)
class TitledAbstracts:
    """Abstracts and titles as numbers of words, and the words' channels [words, C]."""

    abstracts: list[np.ndarray]
    titles: list[np.ndarray]
    table: np.ndarray
    names: list[str]


def train_headline(
    data: Path,
    out: Path,
    *,
    updates: int | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train from `data`/text/arxiv_titles; returns the weights' file, words.txt beside it.

    `out`/headline keeps checkpoints and the log; a run found there goes on.
    """
    torch.set_num_threads(threads)
    recipe = RECIPE
    updates = updates or recipe.updates
    folder, run = data / "text" / "arxiv_titles", out / "headline"
    run.mkdir(parents=True, exist_ok=True)
    words = Words()
    abstracts, titles = read_pairs(folder / "train.jsonl.gz", words)
    list_file = run / "words.txt"
    if not list_file.exists():
        listed = words.frequent(abstracts + titles, recipe.words - 2)
        write_text(list_file, "\n".join(listed) + "\n")
    listed = read_words(list_file, "words")
    dev = read_pairs(folder / "dev.jsonl.gz", words)
    table = words.table(listed)
    names = list(words.numbers)
    pairs, checked = TitledAbstracts(abstracts, titles, table, names), TitledAbstracts(*dev, table, names)
    progress(f"{len(titles)} pairs, {len(listed)} words")

    torch.manual_seed(recipe.seed)
    sizes = {"words": len(listed) + 2, "word_size": recipe.word_size, "outputs": 2}
    network = build_network(ARCHITECTURE, sizes)
    assert isinstance(network, Headline)
    averaged = moving_average(network, recipe.averaged)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.01)
    both, done = nn.ModuleList([network, averaged]), 0
    last = run / "last.safetensors"
    if resume and last.exists():
        done = checkpoint.restore(last, both, optimizer)["updates"]
        progress(f"resumed after {done} updates")
    else:
        _begin_embedding(network, pairs)
        averaged.module.load_state_dict(network.state_dict())

    began, losses = time.monotonic(), []
    batches = batches_of_rows([len(text) for text in abstracts], recipe.rows, 8, recipe.seed)
    for chosen in islice(batches, done, max(done, updates)):
        set_learning_rate(optimizer, recipe.learning_rate * schedule(done, updates))
        title_loss, choosing_loss = _losses(network, pairs, chosen)
        update(network, averaged, optimizer, title_loss + recipe.choosing * choosing_loss)
        done += 1
        losses.append((float(title_loss.detach()), float(choosing_loss.detach())))
        if done % 25 == 0:
            title, choosing = np.mean(losses[-25:], 0)
            speed = (time.monotonic() - began) / len(losses)
            progress(f"update {done}/{updates} title {title:.3f} chosen {choosing:.3f} {speed:.2f} s/update")
        if done % 50 == 0 or done == updates:
            checkpoint.save(last, both, optimizer, {"updates": done})
        if done % 250 == 0 or done == updates:
            write_bytes(run / "weights.safetensors", save(half_precision(averaged.module)))
            scores = check(cast(Headline, averaged.module), checked, listed, 96)
            progress(f"check at {done}: " + " ".join(f"{k} {v:.4f}" for k, v in scores.items()))
            log(run, {"updates": done, "loss": losses[-1][0], "scores": scores})
    return run / "weights.safetensors"


def read_pairs(path: Path, words: Words) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Abstracts, cut to `ABSTRACT_WORDS`, and titles."""
    abstracts, titles = [], []
    for _, line in read_lines(path):
        row = json.loads(line)
        abstracts.append(words.text(split_words(row["abstract"])[:ABSTRACT_WORDS]))
        titles.append(words.text(split_words(row["title"])))
    return abstracts, titles


def _begin_embedding(network: Headline, pairs: TitledAbstracts) -> None:
    ids = pairs.table[:, WORD].astype(np.int64)
    texts = [ids[text] for text in pairs.abstracts + pairs.titles]
    weight = network.embedding.weight
    vectors = word_vectors(texts, len(weight), weight.shape[1])
    with torch.no_grad():
        weight.copy_(torch.from_numpy(vectors) * 0.2)


def _losses(network: Headline, pairs: TitledAbstracts, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
    """Nats per unit of the titles, their ends included, and per source word of being in the title."""
    x, lengths = batch(pairs.table, [pairs.abstracts[i] for i in chosen])
    title, title_lengths = batch(pairs.table, [pairs.titles[i] for i in chosen], tail=1)
    source, state = network.encode(x, lengths)
    target = network.units(title, x)
    before = F.pad(target[:, :-1], (1, 0))
    coverage = network.coverage(source, before, torch.zeros_like(source.chosen))
    (vocabulary, copies, gates), _ = network.decode(source, before, state, coverage)

    listed = torch.where(target < network.words, target, torch.full_like(target, UNKNOWN))
    from_list = vocabulary.gather(-1, listed[..., None])[..., 0] + gates[..., 0]
    from_list = from_list.masked_fill(target >= network.words, -1e9)
    equal = (target[:, :, None] == source.units[:, None]) & source.valid[:, None]
    equal &= (target > UNKNOWN)[..., None]
    from_source = copies.masked_fill(~equal, -1e9).logsumexp(-1) + gates[..., 1]
    counted = torch.arange(target.shape[1]) <= title_lengths[:, None]
    loss = -torch.logaddexp(from_list, from_source)[counted].mean()

    taken = (equal & counted[..., None]).any(1).float()
    choosing = F.binary_cross_entropy_with_logits(source.chosen, taken, reduction="none")
    return loss, choosing[source.valid].mean()


@torch.inference_mode()
def check(network: Headline, pairs: TitledAbstracts, listed: list[str], count: int) -> dict[str, float]:
    """ROUGE of the first `count` titles that the beam search writes, lower-cased."""
    count = min(count, len(pairs.titles))
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    scores = {"rouge1": 0.0, "rouge2": 0.0, "rougeL": 0.0}
    network.eval()
    for start in range(0, count, 32):
        texts = pairs.abstracts[start : min(start + 32, count)]
        x, lengths = batch(pairs.table, texts)
        for offset, row in enumerate(network(x, lengths)[..., 0].long().tolist()):
            written = words_of(row, listed, [pairs.names[n] for n in texts[offset]])
            title = " ".join(pairs.names[n] for n in pairs.titles[start + offset])
            for name, score in scorer.score(title, written).items():
                scores[name] += score.fmeasure / count
    network.train()
    return scores


def words_of(units: list[int], listed: list[str], source: list[str]) -> str:
    """The words of a title's units, those of the list in lower case."""
    title = [unit for unit in units if unit > UNKNOWN]
    known = len(listed) + 2
    return " ".join(listed[unit - 2] if unit < known else source[unit - known] for unit in title)
