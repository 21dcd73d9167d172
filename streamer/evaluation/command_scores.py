"""Scores of spotted words."""

from collections.abc import Collection, Sequence

UNKNOWN = "unknown"  # what stands for every word outside the vocabulary


def accuracy(
    references: Sequence[str], heard: Sequence[Sequence[str]], vocabulary: Collection[str]
) -> float | None:
    """The share of utterances that are right; None where there are no utterances."""
    if not references:
        return None
    return sum(is_right(*pair, vocabulary) for pair in zip(references, heard, strict=True)) / len(references)


def is_right(reference: str, heard: Sequence[str], vocabulary: Collection[str]) -> bool:
    """Whether the words `heard` are those of `reference`.

    Words outside the vocabulary become `unknown`; `unknown` is left out of both sides, the rest must
    be equal in order. Where the text is empty nothing may be heard, `unknown` included.
    """
    expected = reference.split()
    if not expected:
        return not heard
    return _known(expected, vocabulary) == _known(heard, vocabulary)


def words_per_minute(words: int, seconds: float) -> float | None:
    """None where there is no time to hear them in."""
    return 60 * words / seconds if seconds else None


def _known(words: Sequence[str], vocabulary: Collection[str]) -> list[str]:
    return [word for word in words if word in vocabulary and word != UNKNOWN]
