"""Training of the networks that judge sentences of film reviews."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.bundle.build import build_network
from streamer.models.datasets.opinions import NO_LABEL, Opinions, fine, five, polar, read_labelled
from streamer.models.datasets.word_channels import Stripping, Words, batch, by_length, glove
from streamer.models.layers.stage import Stage
from streamer.models.networks.sentiment_classifier import SentimentLive, SentimentOffline
from streamer.models.text.words import UNKNOWN, WORD, split_words
from streamer.models.training.fit import batches_of_steps, fit
from streamer.models.training.text.denials import denials, graded
from streamer.models.training.text.sentiment_recipes import CLASSES, FINE, POLAR, RECIPES, card
from streamer.models.training.vectors import word_vectors
from streamer.output_file import write_text

BATCH_STEPS = 900
CHECKED = {
    "sst": ("sst/binary.dev.tsv", "polar"),
    "sst_stripped": ("sst/binary.dev.tsv", "polar"),
    "sst5": ("sst/fine.dev.tsv", "five"),
    "mr": ("mr/dev.tsv", "polar"),
}
REVIEWS = 8000  # of imdb, for counts of words near each other
HIDDEN_WORDS = 0.08  # the share of words that training hides


class Reviews(NamedTuple):
    """Texts as numbers of words, and 0 or 1 of each."""

    texts: list[np.ndarray]
    labels: list[int]


def train_sentiment(
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

    `data`/text holds the recipe's files, those checked on and glove_twitter_25d. `out`/sentiment-NAME
    keeps checkpoints and the log too; a run found there goes on.
    """
    torch.set_num_threads(threads)
    recipe = RECIPES[recipe_name]
    text, run = data / "text", out / f"sentiment-{recipe_name}"
    run.mkdir(parents=True, exist_ok=True)
    words = Words()
    trained = _read(recipe.trained, text, words)
    checked = {name: _read([file], text, words) for name, file in CHECKED.items()}
    reviews = read_labelled(text / recipe.reviews) if recipe.reviews else []
    labels, split = [label for label, _ in reviews], [split_words(review) for _, review in reviews]
    reviewed = Reviews([words.text(review) for review in split], labels)
    if recipe.denied:
        phrases = read_labelled(text / recipe.denied)
        trained += polar(denials(phrases, graded(split)), words)
    # Words of the reviews count less than those of the training sentences.
    listed = words.frequent(trained.texts * 5 + reviewed.texts, recipe.words - 2)
    write_text(run / "words.txt", "\n".join(listed) + "\n")
    strip, table = words.stripping(), words.table(listed)
    progress(f"{len(trained.texts)} texts, {len(listed)} words")

    torch.manual_seed(recipe.seed)
    options = recipe.options | {"words": len(listed) + 2, "outputs": CLASSES}
    network = build_network(recipe.architecture, options)
    assert isinstance(network, SentimentLive | SentimentOffline)
    card(run, recipe, options)
    if not (resume and (run / "last.safetensors").exists()):
        known = glove(text / "glove_twitter_25d" / "vectors.npz", listed)
        _begin_embedding(network.words.weight, known, table, trained, reviewed)

    def loss(number: int, chosen: np.ndarray) -> Tensor:
        random = np.random.default_rng([recipe.seed, number])
        bare = random.random(len(chosen)) < recipe.stripped
        texts = [_spoken(trained.texts[i], strip) if b else trained.texts[i] for i, b in zip(chosen, bare)]
        x, lengths = batch(table, texts)
        hidden = torch.from_numpy(random.random(x.shape[:2])) < HIDDEN_WORDS
        x[..., WORD] = torch.where(hidden, UNKNOWN, x[..., WORD])
        labels = torch.from_numpy(trained.polar[chosen]), torch.from_numpy(trained.fine[chosen])
        return _loss(network, x, lengths, *labels)

    pace = replace(recipe.pace, updates=updates or recipe.pace.updates)
    batches = batches_of_steps([len(text) for text in trained.texts], BATCH_STEPS, recipe.seed)
    checks = partial(check, table=table, checked=checked, strip=strip)
    return fit(network, pace, batches, loss, checks, run, resume=resume, progress=progress)


@torch.inference_mode()
def check(
    network: nn.Module, table: np.ndarray, checked: dict[str, Opinions], strip: Stripping
) -> dict[str, float]:
    """Accuracy by set of the verdict after the last word; the first is SST's of two classes."""
    scores: dict[str, float] = {}
    for name, opinions in checked.items():
        texts = opinions.texts
        if name.endswith("_stripped"):
            texts = [_spoken(text, strip) for text in texts]
        right: dict[str, list[bool]] = {"polar": [], "fine": []}
        for indices in by_length(texts):
            last = _verdicts(network, *batch(table, [texts[i] for i in indices])).numpy()
            for head, kind, labels in (
                (slice(len(POLAR)), "polar", opinions.polar[indices]),
                (slice(len(POLAR), None), "fine", opinions.fine[indices]),
            ):
                hits = last[:, head].argmax(1) == labels
                right[kind] += hits[labels != NO_LABEL].tolist()
        scores |= {f"{name}_{kind}": float(np.mean(hits)) for kind, hits in right.items() if hits}
    return scores


def _read(files: Sequence[tuple[str, str]], text: Path, words: Words) -> Opinions:
    """The texts of `files` below `text`, each with the kind of its labels."""
    kinds = {"polar": polar, "fine": fine, "five": five}
    return reduce(Opinions.__add__, (kinds[kind](read_labelled(text / file), words) for file, kind in files))


def _spoken(text: np.ndarray, strip: Stripping) -> np.ndarray:
    """A text without punctuation; as it is if nothing else is in it."""
    spoken = text[strip.spoken[text]]
    return strip.lower[spoken] if len(spoken) else text


def _verdicts(network: nn.Module, x: Tensor, lengths: Tensor) -> Tensor:
    """Logits [B, classes] after each text's last word."""
    y = network(x) if isinstance(network, Stage) else network(x, lengths)
    return y[torch.arange(len(y)), lengths - 1]


def _loss(network: nn.Module, x: Tensor, lengths: Tensor, two: Tensor, fives: Tensor) -> Tensor:
    """Nats per text after the last word, and for a live network as many, weighed less, after each."""
    if not isinstance(network, Stage):
        return _of_classes(_verdicts(network, x, lengths), two, fives)
    y = network(x)
    last = _of_classes(y[torch.arange(len(y)), lengths - 1], two, fives)
    mask = torch.arange(y.shape[1]) < lengths[:, None]
    two, fives = (labels[:, None].expand(mask.shape)[mask] for labels in (two, fives))
    return last + 0.3 * _of_classes(y[mask], two, fives)


def _of_classes(logits: Tensor, two: Tensor, fives: Tensor) -> Tensor:
    heads = logits.split([len(POLAR), len(FINE)], -1)
    losses = [
        F.cross_entropy(head, labels, ignore_index=NO_LABEL, reduction="sum", label_smoothing=0.05)
        for head, labels in zip(heads, (two, fives))
    ]
    return (losses[0] + losses[1]) / len(two)


def _begin_embedding(
    weight: Tensor, known: np.ndarray, table: np.ndarray, trained: Opinions, reviews: Reviews
) -> None:
    """GloVe (`known`), how much more often a word stands in good reviews, and the words near it."""
    ids = [table[text, WORD].astype(np.int64) for text in reviews.texts]
    praise = _praise(ids, reviews.labels, len(weight))[:, None] if ids else known[:, :0]
    rest = weight.shape[1] - known.shape[1] - praise.shape[1]
    # Evenly over the file, which is sorted by film.
    read = ids[:: max(1, len(ids) // REVIEWS)]
    read += [table[text, WORD].astype(np.int64) for text in trained.texts if len(text) > 4]
    near = word_vectors(read, len(weight), rest)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.concatenate([known, praise, near], 1)))


def _praise(ids: Sequence[np.ndarray], judged: Sequence[int], words: int) -> np.ndarray:
    """log p(word | good) / p(word | bad) [words], of deviation 1 (Wang & Manning 2012)."""
    counts = np.ones((2, words), np.float64)
    for text, label in zip(ids, judged):
        counts[label, np.unique(text)] += 1
    ratio = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    return (ratio / max(float(ratio.std()), 1e-6)).astype(np.float32)
