"""Training of the networks that find entities: open corpora, cased and as captions write them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from seqeval.metrics import f1_score
from torch import Tensor, nn
from torch.nn import functional as F

from models.build import build_network
from models.entities import EntitiesLive
from models.feeders.words import EMPTY, UNKNOWN, WORD
from models.training.entities_recipes import RECIPES, Recipe, card
from models.training.fit import fit, order
from models.training.tagged import TAGS, Tagged, numbered, read_conll, strip
from models.training.vectors import word_vectors
from models.training.words import Words, batch, glove

BATCH_STEPS = 1300
CHECKED = 1200  # sentences of a set, while training
UNTAGGED = -100
VECTORS = Path("glove_twitter_25d", "vectors.npz")


def train_entities(
    data: Path,
    out: Path,
    recipe_name: str = "live",
    *,
    updates: int | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train the recipe of that name; returns the best weights' file, card and words beside it.

    `data`/text holds the recipe's corpora and glove_twitter_25d. `out`/entities-NAME keeps
    checkpoints and the log too; a run found there goes on.
    """
    torch.set_num_threads(threads)
    recipe = RECIPES[recipe_name]
    text, run = data / "text", out / f"entities-{recipe_name}"
    run.mkdir(parents=True, exist_ok=True)
    words = Words()
    trained, stripped, checked = _read(recipe, text, words)
    listed = words.frequent(trained.texts, recipe.words - 2, recipe.least)
    (run / "words.txt").write_text("\n".join(listed) + "\n", encoding="utf-8")
    table = words.table(listed)
    progress(f"{len(trained.texts)} sentences, {len(listed)} words")

    torch.manual_seed(recipe.seed)
    options = recipe.options | {"words": len(listed) + 2, "outputs": recipe.outputs}
    network = build_network(recipe.architecture, options)
    card(run, recipe, options)
    if recipe.vectors and not (resume and (run / "last.safetensors").exists()):
        _begin_embedding(network.words.words.weight, listed, table, trained.texts, text, recipe.deviation)
    rare = _rarity(table, trained.texts, len(listed) + 2)

    def loss(number: int, chosen: np.ndarray) -> Tensor:
        random = np.random.default_rng([recipe.seed, number])
        some = [
            stripped[i] if random.random() < recipe.stripped and len(stripped.texts[i]) else trained[i]
            for i in chosen
        ]
        x, lengths = _steps(network, table, [text for text, _ in some])
        word = x[..., WORD].long()
        hidden = torch.from_numpy(random.random(word.shape)) < rare[word]
        x[..., WORD] = torch.where(hidden, UNKNOWN, x[..., WORD])
        return _loss(network, x, lengths, [tags for _, tags in some])

    pace = replace(recipe.pace, updates=updates or recipe.pace.updates)
    lengths = [len(text) for text in trained.texts]
    batches = order(lengths, BATCH_STEPS, recipe.seed)
    checks = partial(check, table=table, checked=checked)
    return fit(network, pace, batches, loss, checks, run, resume=resume, progress=progress)


@torch.inference_mode()
def check(network: nn.Module, table: np.ndarray, checked: dict[str, Tagged]) -> dict[str, float]:
    """Entity F1 by set, of the best path or of the head that waits for one word; their mean first."""
    scores = {}
    for name, sentences in checked.items():
        gold, found = [], []
        by_length = sorted(range(len(sentences.texts)), key=lambda i: len(sentences.texts[i]))
        for at in range(0, len(by_length), 64):
            some = [sentences[i] for i in by_length[at : at + 64]]
            x, lengths = _steps(network, table, [text for text, _ in some])
            y = _aligned(network(x))[1] if isinstance(network, EntitiesLive) else network(x, lengths)
            for rows, (_, tags) in zip(y.argmax(-1).tolist(), some):
                gold.append([TAGS[tag] for tag in tags])
                found.append([TAGS[tag] for tag in rows[: len(tags)]])
        types = {tag[2:] for tags in gold for tag in tags}
        found = [[tag if tag[2:] in types else "O" for tag in tags] for tags in found]
        scores[name] = float(f1_score(gold, found))
    return {"mean": float(np.mean(list(scores.values()))), **scores}


def _read(recipe: Recipe, text: Path, words: Words) -> tuple[Tagged, Tagged, dict[str, Tagged]]:
    """The training sentences, the same ones stripped, and the sets to check on, plain and stripped."""
    sentences: list = []
    for name, times in recipe.corpora.trained:
        sentences += [one for one in read_conll(text / name) if one[0]] * times
    bare = [strip(*one) for one in sentences]
    # Kept in step with the sentences: where nothing is left, an empty text says so.
    stripped = Tagged(
        [words.text(some) for some, _ in bare],
        [np.array([TAGS.index(tag) for tag in tags], np.int64) for _, tags in bare],
    )
    checked = {}
    for name, file in recipe.corpora.checked.items():
        dev = read_conll(text / file)[:CHECKED]
        checked[name] = numbered(dev, words)
        if recipe.stripped:
            checked[f"{name}_stripped"] = numbered([strip(*one) for one in dev], words)
    return numbered(sentences, words), stripped, checked


def _steps(network: nn.Module, table: np.ndarray, texts: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """x [B, T, C] and lengths [B]; for a live network with the empty steps that its heads wait for."""
    if not isinstance(network, EntitiesLive):
        return batch(table, texts)
    x, lengths = batch(table, texts, tail=network.lookaheads - 1)
    x[..., EMPTY] = (torch.arange(x.shape[1]) >= lengths[:, None]).float()
    return x, lengths


def _aligned(y: Tensor) -> list[Tensor]:
    """Each head's logits [B, T, L] of word t, whichever row they stood in."""
    heads = y.split(len(TAGS), -1)
    steps = y.shape[1] - len(heads) + 1
    return [head[:, k : k + steps] for k, head in enumerate(heads)]


def _loss(network: nn.Module, x: Tensor, lengths: Tensor, tags: Sequence[np.ndarray]) -> Tensor:
    """Nats per word: of the whole path, or the mean over the heads."""
    true = nn.utils.rnn.pad_sequence(
        [torch.from_numpy(one) for one in tags], batch_first=True, padding_value=UNTAGGED
    )
    if not isinstance(network, EntitiesLive):
        emissions = network.emissions(x, lengths)
        return network.chain.loss(emissions, true.clamp(min=0), lengths) / lengths.sum()
    heads = _aligned(network(x))
    losses = [F.cross_entropy(y.flatten(0, 1), true.flatten(), ignore_index=UNTAGGED) for y in heads]
    return torch.stack(losses).mean()


def _rarity(table: np.ndarray, texts: Sequence[np.ndarray], listed: int) -> Tensor:
    """The probability [listed] that a listed word is hidden in training: the rarer, the oftener."""
    ids = table[np.concatenate(list(texts)), WORD].astype(np.int64)
    counts = np.bincount(ids, minlength=listed)
    return torch.from_numpy(0.01 + 1.0 / (1.0 + counts))


def _begin_embedding(
    weight: Tensor,
    listed: list[str],
    table: np.ndarray,
    texts: Sequence[np.ndarray],
    text: Path,
    deviation: float,
) -> None:
    """GloVe, what stands beside a word (its part of speech), and what stands near it (its meaning)."""
    known = glove(text / VECTORS, listed)
    ids = [table[one, WORD].astype(np.int64) for one in texts]
    rest = weight.shape[1] - known.shape[1]
    beside = word_vectors(ids, len(weight), rest - rest // 3, window=1, directed=True)
    near = word_vectors(ids, len(weight), rest // 3)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.concatenate([known, beside, near], 1)) * deviation)
