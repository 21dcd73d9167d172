"""Word vectors from counts of words near each other: they initialise a network's embedding."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from sklearn.utils.extmath import randomized_svd


def word_vectors(
    texts: Sequence[np.ndarray], words: int, size: int, *, window: int = 4, directed: bool = False
) -> np.ndarray:
    """Vectors float32 [words, size] of deviation 1 from texts of word ids.

    A truncated SVD of positive pointwise mutual information (Levy 2014). `directed` counts the words
    before apart from those after: with a window of one such vectors tell parts of speech apart.
    """
    ids = np.concatenate([np.append(text, -1) for text in texts]).astype(np.int64)
    counts = None
    for distance in range(1, window + 1):
        left, right = ids[:-distance], ids[distance:]
        # A text's end lies between them where any id on the way is -1.
        apart = np.zeros(len(left), bool)
        for step in range(distance + 1):
            apart |= ids[step : len(ids) - distance + step] < 0
        left, right = left[~apart], right[~apart]
        before = words if directed else 0
        rows, columns = np.concatenate([left, right]), np.concatenate([right, left + before])
        weight = np.full(len(rows), 1 / distance)
        near = coo_array((weight, (rows, columns)), (words, words + before)).tocsr()
        counts = near if counts is None else counts + near
    most = min(size, words - 1)  # a small list has no more directions
    vectors, strengths, _ = randomized_svd(_positive_information(counts), most, n_iter=4, random_state=1)
    vectors = vectors * np.sqrt(strengths)
    vectors /= max(float(vectors.std()), 1e-6)
    return np.pad(vectors, ((0, 0), (0, size - most))).astype(np.float32)


def _positive_information(counts):
    """max(0, log p(w, c) / (p(w) p(c))) where it isn't zero, contexts smoothed by a power of 0.75."""
    counts = counts.tocoo()
    of_word = np.asarray(counts.sum(1)).ravel()
    of_context = np.asarray(counts.sum(0)).ravel() ** 0.75
    of_context /= of_context.sum()
    information = np.log(counts.data / np.maximum(of_word[counts.row] * of_context[counts.col], 1e-12))
    positive = np.maximum(information, 0).astype(np.float32)
    return coo_array((positive, (counts.row, counts.col)), counts.shape).tocsr()
