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

from streamer.models.bundle.build import build_network
from streamer.models.datasets.tagged import TAGS, Tagged, numbered, read_conll, strip
from streamer.models.datasets.word_channels import Words, batch, by_length
from streamer.models.networks.entity_tagger import EntitiesLive, EntitiesOffline
from streamer.models.text.words import EMPTY, UNKNOWN, WORD, WordsEncoder, read_kinds
from streamer.models.training.fit import batches_of_steps, fit
from streamer.models.training.text.entities_recipes import RECIPES, EntitiesRecipe, card
from streamer.models.training.text.entities_start import (
    TaggerVocabulary,
    begin_with_vectors,
    begin_with_weights,
    listed_words,
    model_of,
)
from streamer.models.training.text.gazetteer import Names
from streamer.output_file import write_bytes, write_text

BATCH_STEPS = 1300
CHECKED = 1200  # sentences of a set, while training
UNTAGGED = -100
Network = EntitiesLive | EntitiesOffline


def train_entities(
    data: Path,
    out: Path,
    recipe_name: str = "live",
    *,
    updates: int | None = None,
    learning_rate: float | None = None,
    start: Path | None = None,
    teacher: Path | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train the recipe of that name; returns the best weights' file, card and words beside it.

    `data`/text holds the recipe's corpora and glove_twitter_25d. `out`/entities-NAME keeps
    checkpoints and the log too; a run found there goes on. `start` is the weights file of a model, which
    is trained on, with its sizes and its list of words. `teacher` is one of an offline model, from
    whose probabilities a live one learns too.
    """
    torch.set_num_threads(threads)
    recipe = RECIPES[recipe_name]
    begun = model_of(start, recipe.architecture) if start else None
    if teacher and recipe.architecture != "entities_live":
        raise ValueError("only a live network learns from a teacher, an offline one; leave --teacher out")
    teaching = model_of(teacher, "entities_offline") if teacher else None
    text, run = data / "text", out / f"entities-{recipe_name}"
    run.mkdir(parents=True, exist_ok=True)
    words = Words()
    trained, stripped, checked = _read(recipe, text, words)
    listed = listed_words(begun) if begun else words.frequent(trained.texts, recipe.words - 2, recipe.least)
    write_text(run / "words.txt", "\n".join(listed) + "\n")
    kinds = read_kinds(recipe.names, "names") if recipe.names else []
    if recipe.names:
        write_bytes(run / recipe.names.name, recipe.names.read_bytes())
    names = Names(kinds, words)
    table = words.table(listed, kinds)
    progress(f"{len(trained.texts)} sentences, {len(listed)} words")

    torch.manual_seed(recipe.seed)
    sizes = begun.card.network.options if begun else recipe.options
    options = sizes | {"words": 2 + len(listed) + len(kinds), "outputs": recipe.outputs}
    network = build_network(recipe.architecture, options)
    assert isinstance(network, EntitiesLive | EntitiesOffline)
    card(run, recipe, options)
    if begun:
        begin_with_weights(network, begun, listed, kinds)
    elif recipe.vectors and not (resume and (run / "last.safetensors").exists()):
        vocabulary = TaggerVocabulary(listed, kinds, table)
        begin_with_vectors(network.words.words.weight, vocabulary, trained.texts, text)
    if teaching and listed_words(teaching) != listed:
        raise ValueError(f"{teacher}: its words are others; begin with weights that share them")
    rarity, replacement = _rarity(table, trained.texts, options["words"]), _replacement(listed, kinds)

    def loss(number: int, chosen: np.ndarray) -> Tensor:
        random = np.random.default_rng([recipe.seed, number])
        sentences = []
        for i in chosen:
            spoken = random.random() < recipe.stripped and len(stripped.texts[i]) > 0
            text, tags = stripped[i] if spoken else trained[i]
            if recipe.renamed:
                text = names.renamed(text, [TAGS[tag] for tag in tags], recipe.renamed, spoken, random)
            sentences.append((text, tags))
        x, lengths = _steps(network, table, [text for text, _ in sentences])
        taught = _taught(teaching.network, x, lengths) if teaching else None
        word = x[..., WORD].long()
        hidden = torch.from_numpy(random.random(word.shape)) < rarity[word]
        x[..., WORD] = torch.where(hidden, replacement[word], word).float()
        return _loss(network, x, lengths, [tags for _, tags in sentences], taught)

    pace = replace(
        recipe.pace,
        updates=updates or recipe.pace.updates,
        learning_rate=learning_rate or recipe.pace.learning_rate,
    )
    batches = batches_of_steps([len(text) for text in trained.texts], BATCH_STEPS, recipe.seed)
    checks = partial(check, table=table, checked=checked)
    return fit(network, pace, batches, loss, checks, run, resume=resume, progress=progress)


@torch.inference_mode()
def check(network: Network, table: np.ndarray, checked: dict[str, Tagged]) -> dict[str, float]:
    """Entity F1 by set, of the best path or of the head that waits for one word; their mean first."""
    scores = {}
    for name, sentences in checked.items():
        gold, predicted = [], []
        for indices in by_length(sentences.texts):
            x, lengths = _steps(network, table, [sentences.texts[i] for i in indices])
            y = _aligned(network(x))[1] if isinstance(network, EntitiesLive) else network(x, lengths)
            for row, i in zip(y.argmax(-1).tolist(), indices):
                gold.append([TAGS[tag] for tag in sentences.tags[i]])
                predicted.append([TAGS[tag] for tag in row[: len(sentences.tags[i])]])
        types = {tag[2:] for tags in gold for tag in tags}
        predicted = [[tag if tag[2:] in types else "O" for tag in tags] for tags in predicted]
        scores[name] = float(f1_score(gold, predicted))
    return {"mean": float(np.mean(list(scores.values()))), **scores}


def _read(recipe: EntitiesRecipe, text: Path, words: Words) -> tuple[Tagged, Tagged, dict[str, Tagged]]:
    """The training sentences, the same ones stripped, and the sets to check on, plain and stripped."""
    sentences: list[tuple[list[str], list[str]]] = []
    for name, times in recipe.corpora.trained:
        sentences += [sentence for sentence in read_conll(text / name) if sentence[0]] * times
    bare = [strip(*sentence) for sentence in sentences]
    # As many as the sentences: one of which nothing is left is an empty text.
    stripped = Tagged(
        [words.text(kept) for kept, _ in bare],
        [np.array([TAGS.index(tag) for tag in tags], np.int64) for _, tags in bare],
    )
    checked = {}
    for name, file in recipe.corpora.checked.items():
        dev = read_conll(text / file)[:CHECKED]
        checked[name] = numbered(dev, words)
        if recipe.stripped:
            checked[f"{name}_stripped"] = numbered([strip(*sentence) for sentence in dev], words)
    return numbered(sentences, words), stripped, checked


def _replacement(listed: Sequence[str], kinds: Sequence[Sequence[str]]) -> Tensor:
    """The id [rows] that a hidden word has: that of its kind, where it is a name, else of an unknown one."""
    ids = WordsEncoder([], names=[[]] * len(listed) + list(kinds)).ids
    of_words = [ids.get(word, UNKNOWN) for word in listed]
    return torch.tensor([0, UNKNOWN, *of_words, *[UNKNOWN] * len(kinds)])


def _steps(network: Network, table: np.ndarray, texts: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
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


@torch.no_grad()
def _taught(teacher: nn.Module, x: Tensor, lengths: Tensor) -> Tensor:
    """The probabilities [B, T, L] of an offline network, the teacher, for the x of a live one."""
    return teacher(x[:, : int(lengths.max())], lengths).softmax(-1)


def _loss(
    network: Network, x: Tensor, lengths: Tensor, tags: Sequence[np.ndarray], taught: Tensor | None
) -> Tensor:
    """Nats per word: of the whole path, or the mean over the heads; half of it against the `taught` ones."""
    padded = nn.utils.rnn.pad_sequence(
        [torch.from_numpy(row) for row in tags], batch_first=True, padding_value=UNTAGGED
    )
    if not isinstance(network, EntitiesLive):
        emissions = network.emissions(x, lengths)
        return network.chain.loss(emissions, padded.clamp(min=0), lengths) / lengths.sum()
    targets = padded.flatten()
    words = targets != UNTAGGED
    heads = [y.flatten(0, 1)[words] for y in _aligned(network(x))]
    loss = torch.stack([F.cross_entropy(y, targets[words]) for y in heads]).mean()
    if taught is None:
        return loss
    wanted = taught.flatten(0, 1)[words]
    return (loss + torch.stack([F.cross_entropy(y, wanted) for y in heads]).mean()) / 2


def _rarity(table: np.ndarray, texts: Sequence[np.ndarray], listed: int) -> Tensor:
    """The probability [listed] that a listed word is hidden in training; a rare one is hidden more often."""
    ids = table[np.concatenate(list(texts)), WORD].astype(np.int64)
    counts = np.bincount(ids, minlength=listed)
    return torch.from_numpy(0.01 + 1.0 / (1.0 + counts))
