"""Training of the networks that shorten sentences: which words of each the reference keeps."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
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
from streamer.models.training.fit import Pace, batches_of_rows, fit
from streamer.models.training.vectors import word_vectors
from streamer.output_file import write_text

LOOKAHEADS = 5  # 0 to 4 words
THRESHOLDS = [round(0.24 + 0.02 * step, 2) for step in range(14)]


@dataclass(frozen=True)
class SummaryRecipe:
    """What is trained, and how long. `stripped` is the share of sentences without case and punctuation."""

    architecture: str
    outputs: int
    options: dict[str, int]
    pace: Pace
    rows: int = 24
    words: int = 12000
    stripped: float = 0.15
    seed: int = 1


def _pace(updates: int) -> Pace:
    return Pace(updates, weight_decay=0.02, check_every=250, betas=(0.9, 0.999), fused=False)


RECIPES = {
    "live": SummaryRecipe(
        "compress_live", LOOKAHEADS, dict(word_size=96, letter_size=32, hidden_size=160), _pace(1300)
    ),
    "offline": SummaryRecipe(
        "compress_offline", 1, dict(word_size=96, letter_size=32, hidden_size=128), _pace(1500)
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
    text, run = data / "text", out / f"summary-{mode}"
    run.mkdir(parents=True, exist_ok=True)
    words = Words()
    pairs = read_compressions(text / "sentence_compression" / "train.jsonl.gz", words)
    news = [words.text(sentence) for sentence, _ in read_conll(text / "ner_gmb" / "train.conll.gz")]
    # News of the same kind counts less than the sentences themselves.
    listed = words.frequent(pairs.texts * 3 + news, recipe.words - 2, least=3)
    write_text(run / "words.txt", "\n".join(listed) + "\n")
    checked = read_compressions(text / "sentence_compression" / "dev.jsonl", words)
    strip = words.stripping()
    table = words.table(listed)
    progress(f"{len(pairs.texts)} sentences, {len(listed)} words")

    torch.manual_seed(recipe.seed)
    options = recipe.options | {"words": len(listed) + 2, "outputs": recipe.outputs}
    network = build_network(recipe.architecture, options)
    assert isinstance(network, CompressLive | CompressOffline)
    if not (resume and (run / "last.safetensors").exists()):
        known = glove(text / "glove_twitter_25d" / "vectors.npz", listed)
        _begin_embedding(network.words.words.weight, known, table, pairs.texts + news)

    def loss(number: int, chosen: np.ndarray) -> Tensor:
        random = np.random.default_rng([recipe.seed, number])
        bare = [random.random() < recipe.stripped for _ in chosen]
        examples = [pairs.stripped(i, strip) if b else pairs[i] for i, b in zip(chosen, bare)]
        return _loss(network, table, examples)

    pace = replace(recipe.pace, updates=updates or recipe.pace.updates)
    batches = batches_of_rows([len(sentence) for sentence in pairs.texts], recipe.rows, 4, recipe.seed)
    checks = partial(check, table=table, pairs=checked)
    return fit(network, pace, batches, loss, checks, run, resume=resume, progress=progress)


@torch.inference_mode()
def check(network: nn.Module, table: np.ndarray, pairs: Compressions) -> dict[str, float]:
    """F1 of kept words, the mean over sentences: its mean over the columns, and each column's best one.

    Beside each stands the threshold that gives it.
    """
    decided: list[tuple[np.ndarray, np.ndarray]] = []
    for indices in by_length(pairs.texts):
        probabilities = torch.sigmoid(_logits(network, table, [pairs.texts[i] for i in indices])).numpy()
        decided += [(row[: len(pairs.kept[i])], pairs.kept[i]) for row, i in zip(probabilities, indices)]
    best = [
        max((_f1(decided, column, threshold), threshold) for threshold in THRESHOLDS)
        for column in range(decided[0][0].shape[-1])
    ]
    scores = {"f1": float(np.mean([f1 for f1, _ in best]))}
    for column, (f1, threshold) in enumerate(best):
        scores |= {f"f1_{column}": f1, f"threshold_{column}": threshold}
    return scores


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
