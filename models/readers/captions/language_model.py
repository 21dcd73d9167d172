"""A back-off trigram in bytes: mapped into memory, asked once for every finished word."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

from streamer.models.readers.captions.lexicon import QUANTUM, cost_bytes
from streamer.models.readers.captions.tables import pack_words, read_tables, unpack_words, write_tables

KIND = "streamer trigram 3"
# What a file keeps: how many pairs begin with each word, and how many triples with each pair.
STORED = (
    "word_cost",
    "word_backoff",
    "pairs",
    "pair_word",
    "pair_word_high",
    "pair_cost",
    "pair_backoff",
    "triples",
    "triple_word",
    "triple_word_high",
    "triple_cost",
)
HIGHEST_BACKOFF = 1.5  # nats; smoothed models have weights a little above one


class Grams(NamedTuple):
    """Words are numbers below V. A context is 0 (none), 1 + word, or V + 1 + the place of a pair."""

    word_cost: np.ndarray  # uint8 [V]
    word_backoff: np.ndarray  # uint8 [V]
    pair_begin: np.ndarray  # uint32 [V + 1]: the pairs that begin with a word
    pair_word: np.ndarray  # uint32 [pairs], sorted within each word
    pair_cost: np.ndarray  # uint8 [pairs]
    pair_backoff: np.ndarray  # uint8 [pairs]
    triple_begin: np.ndarray  # uint32 [pairs + 1]
    triple_word: np.ndarray  # uint32 [triples]
    triple_cost: np.ndarray  # uint8 [triples]
    least_cost: np.ndarray  # uint8 [V], of a word in any context


class Factors(NamedTuple):
    """What a byte of the file means under one language model weight: a factor on probabilities."""

    cost: np.ndarray  # float32 [256]
    backoff: np.ndarray  # float32 [256]


def factors(weight: float) -> Factors:
    """Probabilities raised to `weight`, by their byte."""
    nats = np.arange(256) / QUANTUM
    return Factors(
        np.exp(-weight * nats).astype(np.float32),
        np.exp(weight * (HIGHEST_BACKOFF - nats)).astype(np.float32),
    )


def write_grams(path: Path, model) -> None:
    """Write `streamer.models.training.language.ngrams.Trigrams` in the compact form."""
    write_tables(path, KIND, gram_tables(model))


def gram_tables(model) -> dict[str, np.ndarray]:
    """The tables STORED of `streamer.models.training.language.ngrams.Trigrams`."""
    size = model.size
    first, second = np.divmod(model.pairs, size)
    context = np.searchsorted(model.pairs, model.triples // size)
    return {
        "word_cost": cost_bytes(model.word_logp),
        "word_backoff": cost_bytes(model.word_backoff, HIGHEST_BACKOFF),
        "pairs": np.bincount(first, minlength=size).astype(np.uint16),
        **pack_words("pair_word", second),
        "pair_cost": cost_bytes(model.pair_logp),
        "pair_backoff": cost_bytes(model.pair_backoff, HIGHEST_BACKOFF),
        "triples": np.bincount(context, minlength=len(first)).astype(np.uint16),
        **pack_words("triple_word", model.triples % size),
        "triple_cost": cost_bytes(model.triple_logp),
    }


def read_grams(path: Path, num_words: int) -> Grams:
    """What `write_grams` wrote; ValueError for another file or another vocabulary."""
    return grams_of(read_tables(path, KIND, STORED), num_words, path, f"lexicon's {num_words} words")


def grams_of(tables: dict[str, np.ndarray], num_words: int, path: Path, counted: str) -> Grams:
    """The model of the tables STORED of `path`; ValueError where they don't fit `counted` words."""
    begins = {"pair_begin": _begins(tables.pop("pairs")), "triple_begin": _begins(tables.pop("triples"))}
    words = {name: unpack_words(tables, name, path) for name in ("pair_word", "triple_word")}
    grams = Grams(**tables, **words, **begins, least_cost=tables["word_cost"])
    pairs, triples = len(grams.pair_word), len(grams.triple_word)
    if (
        len(grams.word_cost) != num_words
        or len(grams.word_backoff) != num_words
        or len(grams.pair_begin) != num_words + 1
        or len(grams.triple_begin) != pairs + 1
        or {len(grams.pair_cost), len(grams.pair_backoff)} != {pairs}
        or len(grams.triple_cost) != triples
        or grams.pair_begin[-1] != pairs
        or grams.triple_begin[-1] != triples
        or (pairs and int(grams.pair_word.max()) >= num_words)
        or (triples and int(grams.triple_word.max()) >= num_words)
    ):
        raise ValueError(f"{path}: does not fit the {counted}; build it again")
    return grams._replace(least_cost=_least_cost(grams))


def _begins(counts: np.ndarray) -> np.ndarray:
    """Where each of some stretches of `counts` [n] begins, and the last one ends: uint32 [n + 1]."""
    return np.append(0, np.cumsum(counts, dtype=np.int64)).astype(np.uint32)


def _least_cost(grams: Grams) -> np.ndarray:
    """The lowest cost [V] that a word has anywhere, uint8: what no context makes it any likelier than."""
    of_word, of_pair = (
        max(0, round(HIGHEST_BACKOFF * QUANTUM) - int(backoff.min(initial=255)))
        for backoff in (grams.word_backoff, grams.pair_backoff)
    )
    least = grams.word_cost.astype(np.int64) - of_word - of_pair
    np.minimum.at(least, grams.pair_word, grams.pair_cost.astype(np.int64) - of_pair)
    np.minimum.at(least, grams.triple_word, grams.triple_cost.astype(np.int64))
    return least.clip(0).astype(np.uint8)


@njit(cache=True)
def last_word(context, grams):
    """The word that a context ends in, -1 for none."""
    size = grams.word_cost.shape[0]
    return np.int64(grams.pair_word[context - size - 1]) if context > size else np.int64(context - 1)


@njit(cache=True)
def after(context, word, grams, factors):
    """The factor of `word` in `context`, and the context that follows it."""
    return ask(
        np.int64(context),
        word,
        grams.word_cost,
        grams.word_backoff,
        grams.pair_begin,
        grams.pair_word,
        grams.pair_cost,
        grams.pair_backoff,
        grams.triple_begin,
        grams.triple_word,
        grams.triple_cost,
        factors.cost,
        factors.backoff,
    )


@njit(cache=True)
def ask(
    context,
    word,
    word_cost,
    word_backoff,
    pair_begin,
    pair_word,
    pair_cost,
    pair_backoff,
    triple_begin,
    triple_word,
    triple_cost,
    cost,
    backoff,
):
    """`after` with its arrays taken out of their tuples."""
    size = word_cost.shape[0]
    factor, following, matched = np.float32(1.0), np.int64(word + 1), False
    last = np.int64(context - 1)
    if context > size:
        pair = np.int64(context - size - 1)
        last = np.int64(pair_word[pair])
        triple = _search(triple_word, triple_begin[pair], triple_begin[pair + 1], word)
        if triple >= 0:
            factor, matched = cost[triple_cost[triple]], True
        else:
            factor = backoff[pair_backoff[pair]]
    if last >= 0:
        pair = _search(pair_word, pair_begin[last], pair_begin[last + 1], word)
        if pair >= 0:
            # A pair that no triple begins with tells no more than its last word: hypotheses meet there.
            if triple_begin[pair + 1] > triple_begin[pair]:
                following = np.int64(size + 1 + pair)
            if not matched:
                factor, matched = factor * cost[pair_cost[pair]], True
        elif not matched:
            factor = factor * backoff[word_backoff[last]]
    if not matched:
        factor = factor * cost[word_cost[word]]
    return factor, following


@njit(cache=True, inline="always")
def _search(values, begin, end, wanted):
    low, high = np.int64(begin), np.int64(end)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    if low < np.int64(end) and values[low] == wanted:
        return low
    return np.int64(-1)
