"""Word and character error rates, pooled over a file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer

_OUTSIDE = re.compile(r"[^a-z' ]+")


def plain(text: str) -> str:
    """`text` in lower case, reduced to a-z, apostrophe and single spaces."""
    return " ".join(_OUTSIDE.sub("", " ".join(text.lower().split())).split())


@dataclass(frozen=True)
class ErrorRates:
    """Substitutions, deletions and insertions per reference unit; None where there is no reference."""

    wer: float | None
    cer: float | None


def error_rates(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRates:
    """The errors of all pairs, divided by the length of all references."""
    references, hypotheses = [plain(r) for r in references], [plain(h) for h in hypotheses]
    if not any(references):
        return ErrorRates(None, None)
    words = jiwer.process_words(references, hypotheses)
    characters = jiwer.process_characters(references, hypotheses)
    return ErrorRates(words.wer, characters.cer)


def error_counts(reference: str, hypothesis: str) -> tuple[int, int]:
    """Wrong words, and words of the reference."""
    reference, hypothesis = plain(reference), plain(hypothesis)
    if not reference:
        return len(hypothesis.split()), 0
    errors = jiwer.process_words(reference, hypothesis)
    return errors.substitutions + errors.deletions + errors.insertions, len(reference.split())
