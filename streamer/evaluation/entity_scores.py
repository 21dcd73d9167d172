"""Scores of entities: exact spans and types, as conlleval counts them (by seqeval)."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqeval.metrics import classification_report

from streamer.models.readers import EventWord

KEYS = {"f1": "f1-score", "precision": "precision", "recall": "recall"}  # ours and seqeval's


@dataclass(frozen=True)
class EntityScores:
    """Micro averages over all spans, and by type; `dropped` spans are of types that the gold lacks."""

    f1: float
    precision: float
    recall: float
    by_type: dict[str, dict[str, float]]
    dropped: int


def entity_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> EntityScores:
    """Scores of the tags `predicted` against `gold`, sentence by sentence; there is one entity or more."""
    types = {tag[2:] for tags in gold for tag in tags} - {""}
    kept = [[tag if tag[2:] in types else "O" for tag in tags] for tags in predicted]
    dropped = sum(tag[2:] not in types and tag[0] == "B" for tags in predicted for tag in tags)
    report = classification_report(gold, kept, output_dict=True, zero_division=0)
    by_type = {
        kind: {key: round(float(report[kind][name]), 4) for key, name in KEYS.items()}
        for kind in sorted(types)
    }
    micro = {key: float(report["micro avg"][name]) for key, name in KEYS.items()}
    return EntityScores(**micro, by_type=by_type, dropped=dropped)


def tags_of(words: Sequence[str], spans: Sequence[EventWord]) -> list[str]:
    """The tags of `words`, which stand one space apart, from spans that name their bytes."""
    tags, at = [], 0
    begins = {round(span.start): span for span in spans}
    inside = None
    for word in words:
        span = begins.get(at)
        if span:
            tags.append(f"B-{span.label}")
        elif inside and at < inside.end:
            tags.append(f"I-{inside.label}")
        else:
            tags.append("O")
        inside = span or inside
        at += len(word.encode()) + 1
    return tags
