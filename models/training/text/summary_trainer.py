"""Training of the networks that shorten sentences: which words of each the reference keeps."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from streamer.models.bundle.build import build_network
from streamer.models.datasets.compressions import Compressions, read_compressions
from streamer.models.datasets.tagged import read_conll
from streamer.models.datasets.word_channels import Words, batch, by_length, glove
from streamer.models.layers.stage import Stage
from streamer.models.networks.compression_network import CompressLive, CompressOffline
from streamer.models.text.words import EMPTY, WORD
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

LOOKAHEADS = 5  # 0 to 4 words
THRESHOLDS = [round(0.24 + 0.02 * step, 2) for step in range(14)]


@dataclass(frozen=True)
class SummaryRecipe:
    """What is trained, and how long. `stripped` is the share of sentences without case and punctuation."""

    architecture: str
    outputs: int
    options: dict = field(default_factory=dict)
    updates: int = 1300
    rows: int = 24
    words: int = 12000
    learning_rate: float = 2e-3
    averaged: float = 0.998  # of the moving average of the weights that ships
    stripped: float = 0.15
    seed: int = 1


RECIPES = {
    "live": SummaryRecipe("compress_live", LOOKAHEADS, dict(word_size=96, letter_size=32, hidden_size=160)),
    "offline": SummaryRecipe(
        "compress_offline", 1, dict(word_size=96, letter_size=32, hidden_size=128), 1500
    ),
}


def train_summary(
    data: Path,
    out: Path,
    mode: str = "live",
    *,
    updates: int | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train `mode` ("live" or "offline"); returns the best weights' file, words.txt beside it.

    `data`/text holds sentence_compression, ner_gmb (for its words alone) and glove_twitter_25d.
    `out`/summary-MODE keeps checkpoints and the log; a run found there goes on.
    """
    torch.set_num_threads(threads)
    recipe = RECIPES[mode]
    updates = updates or recipe.updates
    text, run = data / "text", out / f"summary-{mode}"
    run.mkdir(parents=True, exist_ok=True)
    words = Words()
    pairs = read_compressions(text / "sentence_compression" / "train.jsonl.gz", words)
    news = [words.text(sentence) for sentence, _ in read_conll(text / "ner_gmb" / "train.conll.gz")]
    # News of the same kind counts less than the sentences themselves.
    listed = words.frequent(pairs.texts * 3 + news, recipe.words - 2, least=3)
    (run / "words.txt").write_text("\n".join(listed) + "\n", encoding="utf-8")
    checked = read_compressions(text / "sentence_compression" / "dev.jsonl", words)
    strip = words.stripping()
    table = words.table(listed)
    progress(f"{len(pairs.texts)} sentences, {len(listed)} words")

    torch.manual_seed(recipe.seed)
    options = recipe.options | {"words": len(listed) + 2, "outputs": recipe.outputs}
    network = build_network(recipe.architecture, options)
    assert isinstance(network, CompressLive | CompressOffline)
    averaged = moving_average(network, recipe.averaged)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.02)
    both, done, best = nn.ModuleList([network, averaged]), 0, 0.0
    last = run / "last.safetensors"
    if resume and last.exists():
        meta = checkpoint.restore(last, both, optimizer)
        done, best = meta["updates"], meta["best"]
        progress(f"resumed after {done} updates")
    else:
        known = glove(text / "glove_twitter_25d" / "vectors.npz", listed)
        _begin_embedding(network.words.words.weight, known, table, pairs.texts + news)
        averaged.module.load_state_dict(network.state_dict())

    began, losses = time.monotonic(), []
    batches = batches_of_rows([len(sentence) for sentence in pairs.texts], recipe.rows, 4, recipe.seed)
    for chosen in islice(batches, done, max(done, updates)):
        set_learning_rate(optimizer, recipe.learning_rate * schedule(done, updates))
        random = np.random.default_rng([recipe.seed, done])
        examples = [
            pairs.stripped(i, strip) if random.random() < recipe.stripped else pairs[i] for i in chosen
        ]
        loss = _loss(network, table, examples)
        update(network, averaged, optimizer, loss)
        done += 1
        losses.append(float(loss.detach()))
        if done % 50 == 0:
            speed = (time.monotonic() - began) / len(losses)
            progress(f"update {done}/{updates} loss {np.mean(losses[-50:]):.4f} {speed:.2f} s/update")
        if done % 250 == 0 or done == updates:
            scores = check(averaged.module, table, checked)
            mean = float(np.mean([score for _, score in scores]))
            columns = " ".join(f"{score:.4f} (from {threshold})" for threshold, score in scores)
            progress(f"check at {done}: F1 {columns}")
            if mean > best:
                best = mean
                save_file(half_precision(averaged.module), run / "weights.safetensors")
            log(run, {"updates": done, "loss": losses[-1], "scores": scores})
        if done % 50 == 0 or done == updates:
            checkpoint.save(last, both, optimizer, {"updates": done, "best": best})
    return run / "weights.safetensors"


@torch.inference_mode()
def check(network: nn.Module, table: np.ndarray, pairs: Compressions) -> list[tuple[float, float]]:
    """The threshold that keeps best and its F1 of kept words, the mean over sentences, by column."""
    network.eval()
    decided: list[tuple[np.ndarray, np.ndarray]] = []
    for indices in by_length(pairs.texts):
        probabilities = torch.sigmoid(_logits(network, table, [pairs.texts[i] for i in indices])).numpy()
        decided += [(row[: len(pairs.kept[i])], pairs.kept[i]) for row, i in zip(probabilities, indices)]
    network.train()
    columns = decided[0][0].shape[-1]
    return [
        max((_f1(decided, column, threshold), threshold) for threshold in THRESHOLDS)[::-1]
        for column in range(columns)
    ]


def _f1(decided: list[tuple[np.ndarray, np.ndarray]], column: int, threshold: float) -> float:
    total = 0.0
    for probabilities, reference in decided:
        kept = probabilities[:, column] >= threshold
        both = float((kept * reference).sum())
        total += 2 * both / max(1.0, float(kept.sum() + reference.sum()))
    return total / len(decided)


def _begin_embedding(weight: Tensor, known: np.ndarray, table: np.ndarray, texts: list[np.ndarray]) -> None:
    """GloVe (`known`), a word's neighbours (part of speech), and the words near it (meaning)."""
    ids = [table[text, WORD].astype(np.int64) for text in texts]
    rest = weight.shape[1] - known.shape[1]
    beside = word_vectors(ids, len(weight), rest - rest // 2, window=1, directed=True)
    near = word_vectors(ids, len(weight), rest // 2)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.concatenate([known, beside, near], 1)) * 0.3)


def _logits(network: nn.Module, table: np.ndarray, texts: list[np.ndarray]) -> Tensor:
    """Logits [B, T, columns] of keeping word t, whichever row they stood in."""
    if not isinstance(network, Stage):
        return network(*batch(table, texts))
    x, lengths = batch(table, texts, tail=LOOKAHEADS - 1)
    x[..., EMPTY] = (torch.arange(x.shape[1]) >= lengths[:, None]).float()
    y = network(x)
    steps = y.shape[1] - LOOKAHEADS + 1
    return torch.stack([y[:, k : k + steps, k] for k in range(LOOKAHEADS)], -1)


def _loss(network: nn.Module, table: np.ndarray, examples: list[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    """Nats per word, the mean over the columns."""
    logits = _logits(network, table, [text for text, _ in examples])
    kept = pad_sequence([torch.from_numpy(kept) for _, kept in examples], batch_first=True)
    counted = pad_sequence([torch.ones(len(kept)) for _, kept in examples], batch_first=True) > 0
    targets = kept[..., None].expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits[counted], targets[counted])
