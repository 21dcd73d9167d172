"""Sentences made by rule, for what real ones are too few to show: many attractors, and long fillers."""

from collections.abc import Sequence

import numpy as np

from streamer.models.datasets.agreement_rows import AgreementRow

SUBJECTS = "student teacher author player officer minister king soldier doctor cat dog bird".split()
OTHERS = "house book school church road bridge building river village car ship tree garden tower".split()
PREPOSITIONS = ("near", "behind", "of", "with", "from", "beside")
PHRASES = (
    "however",
    "even now",
    "as always",
    "so far",
    "as before",
    "more than ever",
    "once again",
    "at least",
)
FILLERS = [f", {phrase} ," for phrase in PHRASES]
MOST = 5  # attractors, and fillers


def attractors(count: int, rows: int, seed: int) -> list[AgreementRow]:
    """ "the cats near the house of the tree": `count` nouns of the other number after the subject."""
    return _phrases(count, rows, seed, opposite=1)


def agreeing(count: int, rows: int, seed: int) -> list[AgreementRow]:
    """The same sentences with `count` nouns of the subject's own number after it."""
    return _phrases(count, rows, seed, opposite=0)


def fillers(count: int, rows: int, seed: int) -> list[AgreementRow]:
    """ "the cats, however, so far": `count` adverbials, without a noun, between subject and verb."""
    random = np.random.default_rng([seed, count])
    made = []
    for number in _numbers(rows):
        between = " ".join(random.permutation(FILLERS)[:count]).replace(", ,", ",")
        made.append(AgreementRow(number, ["the", _drawn(SUBJECTS, number, random), *between.split()]))
    return made


def _phrases(count: int, rows: int, seed: int, opposite: int) -> list[AgreementRow]:
    random = np.random.default_rng([seed, count])
    made = []
    for number in _numbers(rows):
        words = ["the", _drawn(SUBJECTS, number, random)]
        for _ in range(count):
            words += [str(random.choice(PREPOSITIONS)), "the", _drawn(OTHERS, number ^ opposite, random)]
        made.append(AgreementRow(number, words))
    return made


def _numbers(rows: int) -> list[int]:
    return [row % 2 for row in range(rows)]


def _drawn(nouns: Sequence[str], number: int, random: np.random.Generator) -> str:
    """One of the nouns at random, in the singular for 0, in the plural for 1."""
    noun = nouns[int(random.integers(len(nouns)))]
    return noun + ("es" if noun.endswith("ch") else "s") * number
