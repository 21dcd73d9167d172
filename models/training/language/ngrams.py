"""Back-off trigrams as sorted arrays."""

from dataclasses import dataclass

import numpy as np

FLOOR = -16.0  # ln p of a word that a model has never seen


@dataclass
class Trigrams:
    """A back-off model over word ids below `size`; n-grams are packed into int64 keys and sorted.

    logp and backoff are natural logarithms: [size] of words, then aligned with the bigram keys
    u * size + v and, without backoff, with the trigram keys (u * size + v) * size + w.
    """

    size: int
    word_logp: np.ndarray
    word_backoff: np.ndarray
    pairs: np.ndarray
    pair_logp: np.ndarray
    pair_backoff: np.ndarray
    triples: np.ndarray
    triple_logp: np.ndarray

    def after_word(self, keys: np.ndarray) -> np.ndarray:
        """ln p(v | u) of packed pairs [n]."""
        at, known = _find(self.pairs, keys)
        backed = self.word_backoff[keys // self.size] + self.word_logp[keys % self.size]
        return np.where(known, _take(self.pair_logp, at), backed)

    def after_pair(self, keys: np.ndarray) -> np.ndarray:
        """ln p(w | u, v) of packed triples [n]."""
        at, known = _find(self.triples, keys)
        context, known_context = _find(self.pairs, keys // self.size)
        shorter = keys % (self.size * self.size)
        backoff = np.where(known_context, _take(self.pair_backoff, context), 0.0)
        return np.where(known, _take(self.triple_logp, at), backoff + self.after_word(shorter))


def normalised(model: Trigrams) -> Trigrams:
    """The same n-grams with the back-off weights that make every context sum to one."""
    size = model.size
    first, second = np.divmod(model.pairs, size)
    kept = np.bincount(first, np.exp(model.pair_logp), size)
    shorter = np.bincount(first, np.exp(model.word_logp[second]), size)
    model.word_backoff = _left_over(kept, shorter)
    context, known = _find(model.pairs, model.triples // size)
    assert known.all(), "a trigram's context must be a bigram of the model"
    lower = model.after_word(model.triples % (size * size))
    kept = np.bincount(context, np.exp(model.triple_logp), len(model.pairs))
    shorter = np.bincount(context, np.exp(lower), len(model.pairs))
    model.pair_backoff = _left_over(kept, shorter)
    return model


def _find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    return at, (keys[at] == wanted) if len(keys) else np.zeros(len(wanted), bool)


def _take(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    return values[at] if len(values) else np.zeros(len(at))


def _left_over(kept: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(1.0 - kept, 1e-4) / np.maximum(1.0 - shorter, 1e-4))
