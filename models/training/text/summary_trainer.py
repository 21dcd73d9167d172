"""Training of the networks that shorten sentences: which words of each the reference keeps."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.bundle.build import build_network
from streamer.models.datasets.compressions import Compressions, read_compressions
from streamer.models.datasets.word_channels import Words, batch, conll_sentences, glove
from streamer.models.layers.stage import Stage
from streamer.models.training import checkpoint
from streamer.models.training.vectors import word_vectors

LOOKAHEADS = 5  # 0 to 4 words
THRESHOLDS = [round(0.24 + 0.02 * step, 2) for step in range(14)]


@dataclass(frozen=True)
class Recipe:
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
    "live": Recipe("compress_live", LOOKAHEADS, dict(word_size=96, letter_size=32, hidden_size=160)),
    "offline": Recipe("compress_offline", 1, dict(word_size=96, letter_size=32, hidden_size=128), 1500),
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
    news = [words.text(s) for s in conll_sentences(text / "ner_gmb" / "train.conll.gz")]
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
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.averaged)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.02)
    both, done, best = nn.ModuleList([network, averaged]), 0, 0.0
    last = run / "last.safetensors"
    if resume and last.exists():
        meta = checkpoint.restore(last, both, optimizer)
        done, best = meta["updates"], meta["best"]
        progress(f"resumed after {done} updates")
    else:
        _begin_embedding(network.words.words.weight, listed, table, pairs.texts + news, text)
        averaged.module.load_state_dict(network.state_dict())

    began, losses = time.monotonic(), []
    for number, chosen in enumerate(_order(pairs.texts, recipe, updates)):
        if number < done:
            continue
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(number, updates)
        random = np.random.default_rng([recipe.seed, number])
        some = [pairs.stripped(i, strip) if random.random() < recipe.stripped else pairs[i] for i in chosen]
        loss = _loss(network, table, some)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        averaged.update_parameters(network)
        done = number + 1
        losses.append(float(loss.detach()))
        if done % 50 == 0:
            speed = (time.monotonic() - began) / len(losses)
            progress(f"update {done}/{updates} loss {np.mean(losses[-50:]):.4f} {speed:.2f} s/update")
        if done % 250 == 0 or done == updates:
            scores = check(averaged.module, table, checked)
            mean = float(np.mean([score for _, score in scores]))
            told = " ".join(f"{score:.4f} (from {threshold})" for threshold, score in scores)
            progress(f"check at {done}: F1 {told}")
            if mean > best:
                best = mean
                save_file(shipped(averaged.module), run / "weights.safetensors")
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps({"updates": done, "loss": losses[-1], "scores": scores}) + "\n")
        if done % 50 == 0 or done == updates:
            checkpoint.save(last, both, optimizer, {"updates": done, "best": best})
    return run / "weights.safetensors"


def shipped(network: nn.Module) -> dict[str, Tensor]:
    """The weights in float16."""
    return {name: value.half().contiguous() for name, value in network.state_dict().items()}


@torch.inference_mode()
def check(network: nn.Module, table: np.ndarray, pairs: Compressions) -> list[tuple[float, float]]:
    """The threshold that keeps best and its F1 of kept words, the mean over sentences, by column."""
    network.eval()
    by_length = sorted(range(len(pairs.texts)), key=lambda i: len(pairs.texts[i]))
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for at in range(0, len(by_length), 64):
        some = [pairs[i] for i in by_length[at : at + 64]]
        probabilities = torch.sigmoid(_logits(network, table, [text for text, _ in some])).numpy()
        found += [(p[: len(keep)], keep) for p, (_, keep) in zip(probabilities, some)]
    network.train()
    columns = found[0][0].shape[-1]
    return [
        max((_f1(found, column, threshold), threshold) for threshold in THRESHOLDS)[::-1]
        for column in range(columns)
    ]


def _f1(found: list[tuple[np.ndarray, np.ndarray]], column: int, threshold: float) -> float:
    total = 0.0
    for probabilities, keep in found:
        kept = probabilities[:, column] >= threshold
        both = float((kept * keep).sum())
        total += 2 * both / max(1.0, float(kept.sum() + keep.sum()))
    return total / len(found)


def _begin_embedding(
    weight: Tensor, listed: list[str], table: np.ndarray, texts: list[np.ndarray], text: Path
) -> None:
    """GloVe, what stands beside a word (its part of speech), and what stands near it (its meaning)."""
    known = glove(text / "glove_twitter_25d" / "vectors.npz", listed)
    ids = [table[one, 2].astype(np.int64) for one in texts]
    rest = weight.shape[1] - known.shape[1]
    beside = word_vectors(ids, len(weight), rest - rest // 2, window=1, directed=True)
    near = word_vectors(ids, len(weight), rest // 2)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.concatenate([known, beside, near], 1)) * 0.3)


def _order(texts: list[np.ndarray], recipe: Recipe, updates: int) -> Iterator[np.ndarray]:
    """Batches of sentences of about one length, in random order, pass after pass."""
    random = np.random.default_rng(recipe.seed)
    lengths = np.array([len(text) for text in texts])
    left = updates
    while left:
        noisy = np.argsort(lengths + random.uniform(0, 4, len(lengths)))
        batches = [noisy[at : at + recipe.rows] for at in range(0, len(noisy), recipe.rows)]
        for number in random.permutation(len(batches))[:left]:
            left -= 1
            yield batches[number]


def _schedule(done: int, updates: int) -> float:
    """Linear warm-up over 100 updates, then a cosine down to 2 %."""
    return min(1.0, (done + 1) / 100) * (0.02 + 0.49 * (1 + cos(pi * done / updates)))


def _logits(network: nn.Module, table: np.ndarray, texts: list[np.ndarray]) -> Tensor:
    """Logits [B, T, columns] of keeping word t, whichever row they stood in."""
    if not isinstance(network, Stage):
        return network(*batch(table, texts))
    x, lengths = batch(table, texts, tail=LOOKAHEADS - 1)
    x[..., 1] = (torch.arange(x.shape[1]) >= lengths[:, None]).float()
    y = network(x)
    steps = y.shape[1] - LOOKAHEADS + 1
    return torch.stack([y[:, k : k + steps, k] for k in range(LOOKAHEADS)], -1)


def _loss(network: nn.Module, table: np.ndarray, some: list[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    """Nats per word, the mean over the columns."""
    logits = _logits(network, table, [text for text, _ in some])
    kept = nn.utils.rnn.pad_sequence([torch.from_numpy(keep) for _, keep in some], batch_first=True)
    counted = nn.utils.rnn.pad_sequence([torch.ones(len(keep)) for _, keep in some], batch_first=True) > 0
    targets = kept[..., None].expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits[counted], targets[counted])
