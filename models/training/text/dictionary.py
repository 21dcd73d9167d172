"""A dictionary counted from pairs of sentences, as initial vectors of a translator."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import coo_array
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn
from torch.nn import functional as F

ROUNDS = 6
STEPS = 60  # of the descent on the vectors


def dictionary_vectors(
    sources: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    sizes: tuple[int, int],
    size: int,
    seed: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors u [pieces, size], v [units, size] and biases [units]: softmax(v u + bias) = p(unit | piece).

    The probabilities are those of IBM model 1 (Brown 1993); a truncated, weighted SVD of the information
    of pieces about units begins the descent on their cross-entropy, a step of which sees all the data.
    `sizes` counts the pieces and the units.
    """
    counts = aligned(sources, targets, *sizes)
    of_piece, of_unit = np.asarray(counts.sum(1)).ravel(), np.asarray(counts.sum(0)).ravel()
    u, v = _information(counts, of_piece, of_unit, size, seed)
    bias = nn.Parameter(torch.from_numpy(np.log((of_unit + 0.5) / of_unit.sum())).float())
    vectors = [nn.Parameter(torch.from_numpy(value)) for value in (u, v)]
    place = torch.from_numpy(counts.row.astype(np.int64)), torch.from_numpy(counts.col.astype(np.int64))
    count = torch.from_numpy(counts.data).float()
    row_weight = torch.from_numpy(of_piece).float()
    optimizer = torch.optim.Adam([*vectors, bias], lr=0.03)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 0.03 * (1 - step / STEPS)
        logits = F.linear(vectors[0], vectors[1], bias)
        nats = (row_weight * logits.logsumexp(1)).sum() - (count * logits[place]).sum()
        optimizer.zero_grad(set_to_none=True)
        (nats / row_weight.sum()).backward()
        optimizer.step()
    return vectors[0].detach(), vectors[1].detach(), bias.detach()


def _information(
    counts: coo_array, of_piece: np.ndarray, of_unit: np.ndarray, size: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors whose products are near log p(unit | piece) / p(unit) where that is above zero."""
    total = of_piece.sum()
    information = np.log(counts.data * total / (of_piece[counts.row] * of_unit[counts.col]))
    rows = np.sqrt(np.maximum(of_piece / total, 1e-7))
    columns = np.sqrt(np.maximum(of_unit / total, 1e-7))
    weighted = np.maximum(information, 0) * rows[counts.row] * columns[counts.col]
    matrix = coo_array((weighted, (counts.row, counts.col)), counts.shape).tocsr()
    most = min(size, counts.shape[0] - 1, counts.shape[1] - 1)
    left, strengths, right = randomized_svd(matrix, most, n_iter=2, random_state=seed)
    root = np.sqrt(strengths)
    random = np.random.default_rng(seed)

    def padded(vectors: np.ndarray) -> np.ndarray:
        # A unit that was never aligned has no direction yet; zeros on both sides have no gradient.
        noise = random.normal(0, 0.02, (len(vectors), size))
        return (np.pad(vectors, ((0, 0), (0, size - most))) + noise).astype(np.float32)

    return padded(left * root / rows[:, None]), padded(right.T * root / columns[:, None])


def aligned(
    sources: Sequence[np.ndarray], targets: Sequence[np.ndarray], pieces: int, units: int
) -> coo_array:
    """How often each unit translates each piece, expected by IBM model 1, [pieces, units]."""
    source_of, target_of, token_of, tokens = [], [], [], 0
    for source, target in zip(sources, targets):
        source_of.append(np.tile(source, len(target)))
        target_of.append(np.repeat(target, len(source)))
        token_of.append(tokens + np.repeat(np.arange(len(target)), len(source)))
        tokens += len(target)
    cells = np.concatenate(source_of).astype(np.int64) * units + np.concatenate(target_of)
    token = np.concatenate(token_of).astype(np.int32)
    pairs, cell = np.unique(cells, return_inverse=True)
    cell = cell.astype(np.int32)
    piece = pairs // units
    table = np.ones(len(pairs))
    for _ in range(ROUNDS):
        share = table[cell]
        share /= np.bincount(token, share, tokens)[token]
        counts = np.bincount(cell, share, len(pairs))
        table = counts / np.bincount(piece, counts, pieces)[piece]
    kept = counts > 0.05
    return coo_array((counts[kept], (piece[kept], pairs[kept] % units)), (pieces, units))
