"""Quick scores for tuning while training: greedy CTC and pooled edit distance."""

from collections.abc import Iterable, Sequence

from rapidfuzz.distance import Levenshtein
from torch import Tensor


def greedy(logits: Tensor) -> list[int]:
    """[n, classes] -> the best path without repeats and blanks (index 0)."""
    best = logits.argmax(-1).unique_consecutive()
    return best[best != 0].tolist()


def pooled_error(pairs: Iterable[tuple[Sequence[int], Sequence[int]]]) -> float:
    """Edits over all (reference, hypothesis) pairs, divided by the references' length."""
    edits = length = 0
    for reference, hypothesis in pairs:
        edits += Levenshtein.distance(list(reference), list(hypothesis))
        length += len(reference)
    return edits / max(1, length)
