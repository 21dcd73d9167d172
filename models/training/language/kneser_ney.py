"""One back-off trigram of the counts of several texts: smoothed, mixed and pruned together.

Modified Kneser-Ney discounts (Chen and Goodman 1999) whose shorter orders are estimated from what the kept
longer n-grams leave over (Siivola, Hirsimäki and Virpioja 2007, "On growing and pruning Kneser-Ney smoothed
n-gram models"): a model pruned afterwards would back off to what only rare contexts look like.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streamer.models.training.language.counts import Counts
from streamer.models.training.language.ngrams import FLOOR, Trigrams, normalised

ROUNDS = (3.0, 1.8, 1.0)  # how many times the wanted n-grams are kept, one estimate after another
LEAST_WORD = 1e-8  # the probability of a word that every text has used up or never read
LEAST_LEFT = 1e-4  # of a context's probability, for shorter contexts
LEAST_COUNT = 0.05  # of a pair that triples tell all about


def estimate(
    counts: Sequence[Counts], shares: Sequence[float], pairs: int, triples: int, start: int
) -> Trigrams:
    """A model of `pairs` and `triples` n-grams at most, those whose loss would cost most (Stolcke 1998).

    Each text is `shares` of all words, and of a context as far as it has that context (count merging).
    `start` is the word <s>, which nothing predicts. Contexts of kept triples are kept beyond `pairs`.
    """
    return _Mixture(counts, shares, start).pruned(pairs, triples)


class _Text(NamedTuple):
    """A text's weight, its counts, and where they are: `pair_at` and `triple_at` in those of the mixture,
    `ending_at` the own pairs that its triples end in, where `has_ending`."""

    weight: float
    counts: Counts
    pair_at: np.ndarray
    triple_at: np.ndarray
    triple_mass: np.ndarray
    ending_at: np.ndarray
    has_ending: np.ndarray


class _Shorter(NamedTuple):
    """p(w) [words], p(w | v) [pairs], the same where a pair that isn't kept is backed off, and what a word
    leaves to no context at all [words]."""

    word: np.ndarray
    pair: np.ndarray
    backed_pair: np.ndarray
    left: np.ndarray


class _Mixture:
    """N-grams of all texts, weighted: `heard_*` as they were counted, `triple_mass` discounted."""

    def __init__(self, counts: Sequence[Counts], shares: Sequence[float], start: int):
        self.size, self.start, total = counts[0].size, start, sum(shares)
        self.pairs = np.unique(np.concatenate([text.pairs for text in counts]))
        self.triples = np.unique(np.concatenate([text.triples for text in counts]))
        self.texts = [self._text(share / total / text.total, text) for share, text in zip(shares, counts)]
        self.first, self.second = np.divmod(self.pairs, self.size)
        self.context = np.searchsorted(self.pairs, self.triples // self.size)
        self.ending, self.has_ending = _places(self.pairs, self.triples % self.size**2)
        self.heard_word = np.sum([text.weight * text.counts.words for text in self.texts], axis=0)
        self.heard_pair, self.triple_mass = np.zeros(len(self.pairs)), np.zeros(len(self.triples))
        for text in self.texts:
            self.heard_pair[text.pair_at] += text.weight * text.counts.pair_counts
            self.triple_mass[text.triple_at] += text.weight * text.triple_mass
        self.heard_pair = np.maximum(self.heard_pair, self._of_context(self.triple_mass))

    def pruned(self, pairs: int, triples: int) -> Trigrams:
        kept, kept_pairs = np.zeros(len(self.triples), bool), np.ones(len(self.pairs), bool)
        for more in ROUNDS:
            after, backed = self._longer(kept, self._shorter(kept, kept_pairs))
            cost = self.heard_pair[self.context] * after * np.log(after / backed)
            kept = _largest(cost, int(more * triples))
        needed = np.zeros(len(self.pairs), bool)
        needed[self.context[kept]] = True
        for more in ROUNDS:
            shorter = self._shorter(kept, kept_pairs)
            backed = shorter.left[self.first] * shorter.word[self.second]
            cost = self.heard_word[self.first] * shorter.pair * np.log(shorter.pair / backed)
            cost[needed] = np.inf
            kept_pairs = _largest(cost, int(more * max(pairs, needed.sum())))
        shorter = self._shorter(kept, kept_pairs)
        after, _ = self._longer(kept, shorter)
        word_logp = np.log(shorter.word)
        word_logp[self.start] = FLOOR
        return normalised(
            Trigrams(
                self.size,
                word_logp,
                np.zeros(self.size),
                self.pairs[kept_pairs],
                np.log(shorter.pair[kept_pairs]),
                np.zeros(int(kept_pairs.sum())),
                self.triples[kept],
                np.log(after[kept]),
            )
        )

    def _text(self, weight: float, counts: Counts) -> _Text:
        return _Text(
            weight,
            counts,
            np.searchsorted(self.pairs, counts.pairs),
            np.searchsorted(self.triples, counts.triples),
            _discounted(counts.triple_counts, counts.triple_discounts),
            *_places(counts.pairs, counts.triples % self.size**2),
        )

    def _shorter(self, kept: np.ndarray, kept_pairs: np.ndarray) -> _Shorter:
        """The estimate of what the `kept` triples, and then the pairs, leave over."""
        mass, of_word = np.zeros(len(self.pairs)), np.zeros(self.size)
        for text in self.texts:
            explained = np.where(kept[text.triple_at], text.triple_mass, 0.0)
            ended = np.bincount(
                text.ending_at[text.has_ending], explained[text.has_ending], len(text.counts.pairs)
            )
            left = np.maximum(text.counts.pair_counts - ended, LEAST_COUNT)
            mass[text.pair_at] += text.weight * _discounted(left, text.counts.pair_discounts)
            second = text.counts.triples // self.size % self.size
            of_word += text.weight * np.maximum(
                text.counts.words - np.bincount(second, explained, self.size), LEAST_COUNT
            )
        of_word = np.maximum(of_word, np.bincount(self.first, mass, self.size))
        explained_pairs = np.where(kept_pairs, mass, 0.0)
        third = self.triples % self.size
        explained = np.bincount(third, np.where(kept, self.triple_mass, 0.0), self.size)
        explained += np.bincount(self.second, explained_pairs, self.size)
        word = np.maximum(self.heard_word - explained, 1e-3 * self.heard_word)
        word[self.start] = 0.0
        word = (1 - LEAST_WORD * self.size) * word / word.sum() + LEAST_WORD
        left = np.maximum(1 - np.bincount(self.first, explained_pairs, self.size) / of_word, LEAST_LEFT)
        backed = left[self.first] * word[self.second]
        pair = mass / of_word[self.first] + backed
        return _Shorter(word, pair, np.where(kept_pairs, pair, backed), left)

    def _longer(self, kept: np.ndarray, shorter: _Shorter) -> tuple[np.ndarray, np.ndarray]:
        """p(w | u, v) of all triples, and what it would be backed off."""
        explained = self._of_context(np.where(kept, self.triple_mass, 0.0))
        left = np.maximum(1 - explained / np.maximum(self.heard_pair, 1e-300), LEAST_LEFT)
        second, third = np.divmod(self.triples % self.size**2, self.size)
        alone = shorter.left[second] * shorter.word[third]
        backed = left[self.context] * np.where(self.has_ending, shorter.backed_pair[self.ending], alone)
        return self.triple_mass / self.heard_pair[self.context] + backed, backed

    def _of_context(self, values: np.ndarray) -> np.ndarray:
        """The sums [pairs] of what belongs to triples."""
        return np.bincount(self.context, values, len(self.pairs))


def _discounted(counts: np.ndarray, discounts: np.ndarray) -> np.ndarray:
    """Counts [n], whole or not, less the discount of their size."""
    size = np.clip(np.rint(counts), 1, 3).astype(int) - 1
    return counts - np.minimum(discounts[size], 0.9 * counts)


def _places(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `wanted` are among the sorted `keys`, and which of them are there."""
    at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    return at, keys[at] == wanted


def _largest(cost: np.ndarray, count: int) -> np.ndarray:
    """Which [n] are the `count` largest positive costs."""
    chosen = np.zeros(len(cost), bool)
    order = np.argsort(-cost, kind="stable")[:count]
    chosen[order[cost[order] > 0]] = True
    return chosen
