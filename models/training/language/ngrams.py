"""Back-off trigrams as sorted arrays: read from ARPA files, mixed, pruned."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def read_arpa(path: Path, words: Sequence[str]) -> Trigrams:
    """An ARPA file over the vocabulary `words`; n-grams with other words are left out."""
    size, number = len(words), {word: i for i, word in enumerate(words)}
    word_logp, word_backoff = np.full(size, FLOOR), np.zeros(size)
    grams: dict[int, list[tuple[int, float, float]]] = {2: [], 3: []}
    order, ln10 = 0, float(np.log(10.0))
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("\\"):
                order = int(line[1]) if line[1].isdigit() else 0
                continue
            fields = line.split()
            if not order or len(fields) <= order:
                continue
            ids = [number.get(word, -1) for word in fields[1 : order + 1]]
            if min(ids) < 0:
                continue
            logp = max(FLOOR, float(fields[0]) * ln10)
            backoff = float(fields[order + 1]) * ln10 if len(fields) > order + 1 else 0.0
            if order == 1:
                word_logp[ids[0]], word_backoff[ids[0]] = logp, backoff
            else:
                key = 0
                for i in ids:
                    key = key * size + i
                grams[order].append((key, logp, backoff))
    pairs, pair_logp, pair_backoff = _columns(grams[2])
    triples, triple_logp, _ = _columns(grams[3])
    return Trigrams(size, word_logp, word_backoff, pairs, pair_logp, pair_backoff, triples, triple_logp)


def mix(models: Sequence[Trigrams], shares: Sequence[float], start: int) -> Trigrams:
    """One model that trusts each of `models` by how likely it finds the context.

    p(w | h) = sum_k l_k(h) p_k(w | h) with l_k(h) ~ share_k p_k(h): the text that speaks of
    such things decides (the Bayesian mixture of Stolcke 2002, "SRILM"). `start` is the word <s>.
    """
    size, logs = models[0].size, np.log(np.asarray(shares) / np.sum(shares))[:, None]
    pairs = np.unique(np.concatenate([m.pairs for m in models]))
    triples = np.unique(np.concatenate([m.triples for m in models]))
    words = np.stack([m.word_logp for m in models])
    word_logp = _logsumexp(logs + words)
    words[:, start] = 0.0  # every text has sentences
    trust = logs + words
    after = np.stack([m.after_word(pairs) for m in models])
    pair_logp = _weighted(trust[:, pairs // size], after)
    context, unique = np.unique(triples // size, return_inverse=True)
    heard = np.stack([m.after_word(context) for m in models])
    trust = (logs + words[:, context // size] + heard)[:, unique]
    after = np.stack([m.after_pair(triples) for m in models])
    triple_logp = _weighted(trust, after)
    mixed = Trigrams(
        size, word_logp, np.zeros(size), pairs, pair_logp, np.zeros(len(pairs)), triples, triple_logp
    )
    return normalised(mixed)


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


def prune(model: Trigrams, pairs: int, triples: int, start: int) -> Trigrams:
    """Keep the n-grams whose loss would cost most, `pairs` and `triples` of them at most.

    The cost is p(h, w) (ln p(w | h) - ln p'(w | h)) with p' backed off (Seymore 1996).
    """
    size = model.size
    heard = model.word_logp.copy()
    heard[start] = np.log(0.1)
    joint = heard[model.pairs // size] + model.pair_logp
    context, _ = _find(model.pairs, model.triples // size)
    backed = model.pair_backoff[context] + model.after_word(model.triples % (size * size))
    cost = np.exp(joint[context] + model.triple_logp) * (model.triple_logp - backed)
    kept = _largest(cost, triples)
    used = np.zeros(len(model.pairs), bool)
    used[context[kept]] = True
    first, second = np.divmod(model.pairs, size)
    backed = model.word_backoff[first] + model.word_logp[second]
    cost = np.exp(joint) * (model.pair_logp - backed)
    cost[used] = np.inf  # contexts of the trigrams that stay
    chosen = _largest(cost, max(pairs, int(used.sum())))
    return normalised(
        Trigrams(
            size,
            model.word_logp,
            model.word_backoff,
            model.pairs[chosen],
            model.pair_logp[chosen],
            model.pair_backoff[chosen],
            model.triples[kept],
            model.triple_logp[kept],
        )
    )


def _find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    return at, (keys[at] == wanted) if len(keys) else np.zeros(len(wanted), bool)


def _take(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    return values[at] if len(values) else np.zeros(len(at))


def _columns(grams: list[tuple[int, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    keys = np.array([gram[0] for gram in grams], np.int64)
    order = np.argsort(keys)
    logp = np.array([gram[1] for gram in grams])
    backoff = np.array([gram[2] for gram in grams])
    return keys[order], logp[order], backoff[order]


def _logsumexp(rows: np.ndarray) -> np.ndarray:
    top = rows.max(axis=0)
    return top + np.log(np.exp(rows - top).sum(axis=0))


def _weighted(trust: np.ndarray, after: np.ndarray) -> np.ndarray:
    return _logsumexp(trust + after) - _logsumexp(trust)


def _left_over(kept: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(1.0 - kept, 1e-4) / np.maximum(1.0 - shorter, 1e-4))


def _largest(cost: np.ndarray, count: int) -> np.ndarray:
    """The sorted places of the `count` largest positive costs."""
    order = np.argsort(-cost, kind="stable")[:count]
    return np.sort(order[cost[order] > 0])
