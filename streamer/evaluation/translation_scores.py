"""Scores of translations: BLEU, chrF, average lagging, and how many repeat themselves or break off."""

import re
from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from streamer.evaluation.job import Figures
from streamer.models.text.numerals import NUMERAL
from streamer.models.text.translation_guard import code_kept, goes_in_circles, numbers_kept
from streamer.models.training.text.dictionary import aligned

LENGTHS = (5, 10, 20)  # words of a source up to which a translation counts to a group
SHORT = 0.5  # of its source's words: a target with fewer has broken off

_WORD = re.compile(r"[^\W\d_]{2,}")


def quality(references: Sequence[str], targets: Sequence[str]) -> Figures:
    """`bleu` and `chrf` of detokenised text against one reference each, with sacrebleu's signatures."""
    bleu, chrf = BLEU(), CHRF()
    return {
        "bleu": round(bleu.corpus_score(targets, [references]).score, 2),
        "chrf": round(chrf.corpus_score(targets, [references]).score, 2),
        "bleu_signature": str(bleu.get_signature()),
        "chrf_signature": str(chrf.get_signature()),
    }


def bleu(references: Sequence[str], targets: Sequence[str]) -> float:
    """BLEU alone; one reference each, one sentence or more."""
    return round(BLEU().corpus_score(targets, [references]).score, 2)


def by_length(sources: Sequence[str], references: Sequence[str], targets: Sequence[str]) -> Figures:
    """BLEU by the words of the source, `bleu_to_5` and so on, and the count of sentences of each."""
    figures: Figures = {}
    words = [len(source.split()) for source in sources]
    for least, most in zip((0, *LENGTHS), (*LENGTHS, max([*words, LENGTHS[-1] + 1]))):
        chosen = [i for i, count in enumerate(words) if least < count <= most]
        name = f"to_{most}" if most in LENGTHS else f"over_{least}"
        if chosen:
            figures[f"bleu_{name}"] = bleu([references[i] for i in chosen], [targets[i] for i in chosen])
            figures[f"sentences_{name}"] = len(chosen)
    return figures


def average_lagging(read: Sequence[int], source_words: int) -> float | None:
    """How many words a target lags behind its source (Ma 2019, equation 8); None for an empty target.

    read[i] source words were read when the target's word i was emitted.
    """
    if not read:
        return None
    rate = len(read) / source_words
    late = next((i for i, count in enumerate(read) if count >= source_words), len(read) - 1)
    return sum(count - i / rate for i, count in enumerate(read[: late + 1])) / (late + 1)


def repeats(text: str, source: str) -> bool:
    """Whether four words come again in order, or one three times in a row, and not in the source too."""
    return goes_in_circles(text) and not goes_in_circles(source)


def broken_off(text: str, source: str) -> bool:
    """Whether the target has less than half of its source's words, which were more than three."""
    words = len(source.split())
    return words > 3 and len(text.split()) < SHORT * words


def word_by_word(sources: Sequence[str], references: Sequence[str]) -> list[str]:
    """The sources through a dictionary counted from the very pairs, each word by itself, in their order."""
    source_words: dict[str, None] = {}  # in the order in which they come
    numbers: dict[str, int] = {}
    pairs = []
    for texts in zip(sources, references):
        sides = [text.split() for text in texts]
        pairs.append([np.array([numbers.setdefault(word, len(numbers)) for word in side]) for side in sides])
        source_words.update(dict.fromkeys(sides[0]))
    pairs = [pair for pair in pairs if all(map(len, pair))]
    names = list(numbers)
    table = aligned([s for s, _ in pairs], [t for _, t in pairs], len(names), len(names)).tocsr()
    best = {
        word: names[int(table[numbers[word]].argmax())] if table[numbers[word]].nnz else word
        for word in source_words
    }
    return [" ".join(best[word] for word in source.split()) for source in sources]


def kept(sources: Sequence[str], references: Sequence[str], targets: Sequence[str]) -> Figures:
    """`numbers_kept`, `code_kept` and `names_kept`: shares of what a source has that its target has, too.

    Numbers: of the sentences with a number, those whose target has each, in value, and no other. Code:
    of those with addresses, paths or code, those whose target has each. Names: of the capitalised words,
    not the sentence's first, that the reference has as they are.
    """
    numbers = [numbers_kept(s, t) for s, t in zip(sources, targets) if NUMERAL.search(s)]
    code = [code_kept(s, t) for s, t in zip(sources, targets) if not code_kept(s, "")]
    names = [
        name in _words(target)
        for source, reference, target in zip(sources, references, targets)
        for name in sorted(_names(source) & _words(reference))
    ]
    return {
        name: round(sum(values) / len(values), 4) if values else None
        for name, values in (("numbers_kept", numbers), ("code_kept", code), ("names_kept", names))
    }


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text))


def _names(text: str) -> set[str]:
    return {word for word in _WORD.findall(text)[1:] if word[0].isupper()}
