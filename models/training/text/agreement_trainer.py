"""Training of the networks that predict the number of the next verb, and the next word beside it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import exp
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from streamer.models.bundle.build import build_network
from streamer.models.datasets.agreement_rows import (
    NONE,
    NUMBERS,
    AgreementRow,
    numbers_of_row,
    numbers_shown,
    read_rows,
)
from streamer.models.datasets.tagged import read_conll
from streamer.models.datasets.word_channels import Words, batch, by_length
from streamer.models.networks.agreement_network import AgreementLive
from streamer.models.text.words import UNKNOWN, WORD
from streamer.models.training.fit import batches_of_steps, fit
from streamer.models.training.text import agreement_recipes
from streamer.models.training.text.agreement_recipes import CELLS, AgreementRecipe, card
from streamer.output_file import write_text

BATCH_STEPS = 1200
SAMPLED = 1000  # words that stand for all others in the loss of the next word (Jean 2015)
HIDDEN_WORDS = 0.04  # the share of words that training hides
READ_DEV = 400  # sentences that perplexity is measured on

Watch = Callable[[Sequence[str], AgreementLive], dict[str, float]]  # of the list of words and the network


class Texts(NamedTuple):
    """Sentences as numbers of words, and the number of the verb after each word."""

    words: list[np.ndarray]
    numbers: list[np.ndarray]


def train_agreement(
    data: Path,
    out: Path,
    cell: str = "lstm",
    seed: int = 1,
    *,
    updates: int | None = None,
    resume: bool = True,
    threads: int = 1,
    watch: Watch | None = None,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train a network with that cell; returns the best weights' file, card and words beside it.

    `data`/text holds agreement and ner_gmb. `out`/agreement-CELL-SEED keeps checkpoints and the log
    too; a run found there goes on. The figures of `watch` at each check join the log.
    """
    if cell not in CELLS:
        raise ValueError(f"cell {cell!r} is not known; there are {', '.join(CELLS)}")
    torch.set_num_threads(threads)
    recipe, run = agreement_recipes.RECIPE, out / f"agreement-{cell}-{seed}"
    run.mkdir(parents=True, exist_ok=True)
    words = Words()
    trained = _read(data / "text", words, recipe)
    listed = words.frequent(trained.words, recipe.words - 2)
    write_text(run / "words.txt", "\n".join(listed) + "\n")
    folder = data / "text" / "agreement"
    checked = {
        name: _of_rows(read_rows(folder / f"dev.{name}.tsv"), words) for name in ("natural", "1attractor")
    }
    dev = _conll_words(data / "text" / "ner_gmb" / "dev.conll")[:READ_DEV]
    checked["read"] = _of_sentences(dev, words)
    table = words.table(listed)
    progress(f"{len(trained.words)} texts, {len(listed)} words")

    torch.manual_seed(seed)
    options = recipe.options | {"cell": cell, "words": len(listed) + 2, "outputs": len(NUMBERS)}
    network = build_network("agreement_live", options)
    assert isinstance(network, AgreementLive)
    card(run, cell, seed, options)
    ids = table[:, WORD].astype(np.int64)
    counts = np.bincount(ids[np.concatenate(trained.words)], minlength=len(listed) + 2) + 1.0
    frequency = torch.from_numpy(counts**0.75 / (counts**0.75).sum()).float()
    with torch.no_grad():
        network.word_bias.copy_(torch.from_numpy(np.log(counts / counts.sum())).float())

    def loss(number: int, chosen: np.ndarray) -> Tensor:
        random = np.random.default_rng([seed, number])
        x, lengths = batch(table, [trained.words[i] for i in chosen])
        following = x[:, 1:, WORD].long()
        hidden = torch.from_numpy(random.random(x.shape[:2])) < HIDDEN_WORDS
        x[..., WORD] = torch.where(hidden, UNKNOWN, x[..., WORD])
        h, _ = network.hidden(x, network.initial_state(len(x)))
        marks = [torch.from_numpy(trained.numbers[i]) for i in chosen]
        numbers = pad_sequence(marks, batch_first=True, padding_value=NONE)
        known = numbers != NONE
        verbs = F.cross_entropy(
            network.number(h[known]), numbers[known], label_smoothing=0.02, reduction="sum"
        )
        inside = torch.arange(1, x.shape[1]) < lengths[:, None]
        next_words = _sampled_loss(network, h[:, :-1][inside], following[inside], frequency)
        return verbs / max(1, int(known.sum())) + recipe.language * next_words / max(1, int(inside.sum()))

    pace = replace(recipe.pace, updates=updates or recipe.pace.updates)
    batches = batches_of_steps([len(text) for text in trained.words], BATCH_STEPS, seed)
    checks = partial(check, table=table, checked=checked, watch=watch and partial(watch, listed))
    return fit(network, pace, batches, loss, checks, run, resume=resume, progress=progress)


@torch.inference_mode()
def check(
    network: AgreementLive,
    table: np.ndarray,
    checked: dict[str, Texts],
    watch: Callable[[AgreementLive], dict[str, float]] | None = None,
) -> dict[str, float]:
    """Accuracy after the last word by set, perplexity of the set "read", and the figures of `watch`."""
    scores: dict[str, float] = {}
    for name, texts in checked.items():
        right = nats = words = 0.0
        for indices in by_length(texts.words):
            x, lengths = batch(table, [texts.words[i] for i in indices])
            h, _ = network.hidden(x, network.initial_state(len(x)))
            if name != "read":
                last = network.number(h[torch.arange(len(h)), lengths - 1]).argmax(1)
                right += int((last == torch.tensor([texts.numbers[i][-1] for i in indices])).sum())
                continue
            inside = torch.arange(1, x.shape[1]) < lengths[:, None]
            targets = x[:, 1:, WORD].long()[inside]
            nats += float(F.cross_entropy(network.next_words(h[:, :-1][inside]), targets, reduction="sum"))
            words += len(targets)
        if name == "read":
            scores["perplexity"] = exp(nats / max(1.0, words))
        else:
            scores[name] = right / len(texts.words)
    return scores | (watch(network) if watch else {})


def _read(text: Path, words: Words, recipe: AgreementRecipe) -> Texts:
    """The training data: rows with a verb's number, and sentences for the next word alone."""
    folder = text / "agreement"
    natural, news = read_rows(folder / "train.natural.tsv"), read_rows(folder / "train.news.tsv.gz")
    attractors = read_rows(folder / "train.1attractor.tsv.gz")
    count = round(recipe.attractors * len(attractors))
    read = _conll_words(text / "ner_gmb" / "train.conll.gz")[: recipe.read_sentences]
    parts = [
        _of_rows(natural * recipe.natural_times + news + attractors[:count], words),
        _of_sentences([row.words for row in attractors[count:]], words),
        _of_sentences(read, words),
    ]
    return Texts(*([text for texts in parts for text in texts[column]] for column in (0, 1)))


def _conll_words(path: Path) -> list[list[str]]:
    """The sentences of a .conll, as words."""
    return [words for words, _ in read_conll(path)]


def _of_rows(rows: Sequence[AgreementRow], words: Words) -> Texts:
    return Texts([words.text(row.words) for row in rows], [numbers_of_row(row) for row in rows])


def _of_sentences(sentences: Sequence[Sequence[str]], words: Words) -> Texts:
    return Texts(
        [words.text(sentence) for sentence in sentences], [numbers_shown(sentence) for sentence in sentences]
    )


def _sampled_loss(network: AgreementLive, h: Tensor, following: Tensor, frequency: Tensor) -> Tensor:
    """Nats of the next words among sampled ones, each corrected by how often it is sampled."""
    others = torch.multinomial(frequency, min(SAMPLED, len(frequency) - 1), replacement=True)
    scores = network.next_words(h, others) - (len(others) * frequency[others]).log()
    scores = scores.masked_fill(following[:, None] == others, -1e4)
    guess, table = network.guess(h), network.words.words.weight
    target = (guess * table[following]).sum(-1) + network.word_bias[following]
    target = target - (len(others) * frequency[following]).log()
    first = torch.zeros(len(h), dtype=torch.long)
    return F.cross_entropy(torch.cat([target[:, None], scores], 1), first, reduction="sum")
