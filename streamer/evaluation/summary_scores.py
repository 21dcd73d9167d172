"""Scores of summaries: kept words against the reference's, and titles by ROUGE."""

from collections.abc import Sequence
from dataclasses import dataclass

from rouge_score.rouge_scorer import RougeScorer

ROUGE = ("rouge1", "rouge2", "rougeL")


@dataclass(frozen=True)
class Kept:
    """`f1` of kept words, the mean over sentences; `compression`, the share kept; `exact` matches."""

    f1: float
    compression: float
    exact: float


def kept_scores(references: Sequence[Sequence[int]], kept: Sequence[Sequence[int]]) -> Kept:
    """Scores of `kept` against `references`: 1 or 0 for each word of each sentence, one sentence or more."""
    f1 = exact = words = left = 0.0
    for reference, flags in zip(references, kept, strict=True):
        both = sum(r and k for r, k in zip(reference, flags, strict=True))
        wanted, got = sum(reference), sum(flags)
        # Two empty summaries agree.
        f1 += 2 * both / (wanted + got) if wanted + got else 1.0
        exact += list(reference) == list(flags)
        words, left = words + len(flags), left + got
    return Kept(f1 / len(kept), left / words, exact / len(kept))


def title_scores(titles: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """Mean ROUGE F-measures of one title or more: rouge-score's own words, lower-cased, without stemming."""
    scorer = RougeScorer(ROUGE)
    totals = dict.fromkeys(ROUGE, 0.0)
    for title, text in zip(titles, written, strict=True):
        for name, score in scorer.score(title, text).items():
            totals[name] += score.fmeasure
    return {name: total / len(titles) for name, total in totals.items()}
