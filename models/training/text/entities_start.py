"""The start of a network of entities: vectors of its words, or the weights of an earlier run."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from streamer.models.bundle.build import Model, load
from streamer.models.bundle.weights import read_weights
from streamer.models.datasets.word_channels import glove
from streamer.models.text.words import UNKNOWN, WORD, WordsEncoder, read_words
from streamer.models.training.vectors import word_vectors

NAMED = 2.0  # the value in a word's first vector that says that it is a name of a kind
VECTORS = Path("glove_twitter_25d", "vectors.npz")
TABLE = "words.words.weight"


class TaggerVocabulary(NamedTuple):
    """Listed words, kinds of names, and the channels [words, C] of every word of the texts."""

    listed: list[str]
    kinds: Sequence[Sequence[str]]
    table: np.ndarray


def begin_with_vectors(
    weight: Tensor, vocabulary: TaggerVocabulary, texts: Sequence[np.ndarray], text: Path
) -> None:
    """Initialise vectors: GloVe, neighbours (part of speech), words near (meaning), and kinds of names.

    A kind of names begins as the mean of its listed words. `text` is the folder of GloVe.
    """
    listed, kinds, table = vocabulary
    known = glove(text / VECTORS, listed)
    parts = np.zeros((len(known), 3 if kinds else 0), np.float32)
    for number, members in enumerate(_members(listed, kinds), 1):
        for part in range(3):
            parts[members, part] = NAMED * (number >> part & 1)
    ids = [table[words, WORD].astype(np.int64) for words in texts]
    ids = [np.where(words < len(known), words, UNKNOWN) for words in ids]
    rest = weight.shape[1] - known.shape[1] - parts.shape[1]
    beside = word_vectors(ids, len(known), rest - rest // 3, window=1, directed=True)
    near = word_vectors(ids, len(known), rest // 3)
    vectors = torch.from_numpy(np.concatenate([known, beside, near, parts], 1))
    with torch.no_grad():
        weight.copy_(_with_kinds(vectors, listed, kinds))


def begin_with_weights(
    network: nn.Module, start: Model, listed: list[str], kinds: Sequence[Sequence[str]]
) -> None:
    """Take over the weights of `start`, which lists the same words."""
    own = network.state_dict()
    for name, value in start.network.state_dict().items():
        if name == TABLE and len(value) != len(own[name]):
            value = _with_kinds(value[: 2 + len(listed)], listed, kinds)
        own[name].copy_(value)


def model_of(weights: Path, architecture: str) -> Model:
    """The model that `weights`, beside its card, are of. ValueError where its network is another one."""
    model = load(weights.parent)
    if model.card.network.architecture != architecture:
        raise ValueError(
            f"{weights}: its network is {model.card.network.architecture}; wanted {architecture}"
        )
    model.network.load_state_dict(read_weights(weights, model.network.state_dict()))
    return model


def listed_words(model: Model) -> list[str]:
    """The words of its list."""
    feeder = model.card.feeder
    assert feeder is not None, "a model of entities reads words"
    return read_words(model.folder / feeder.options["words"], "feeder.words")


def _with_kinds(vectors: Tensor, listed: list[str], kinds: Sequence[Sequence[str]]) -> Tensor:
    """`vectors` [2 + listed, C] and below them each kind's, which is the mean of its listed words."""
    members = _members(listed, kinds)
    means = [vectors[ids].mean(0) if len(ids) else vectors[UNKNOWN] for ids in members]
    return torch.cat([vectors, *(mean[None] for mean in means)])


def _members(listed: Sequence[str], kinds: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """The ids of each kind's listed words."""
    ids = WordsEncoder(listed).ids
    return [np.array([ids[word] for word in kind if word in ids], np.int64) for kind in kinds]
