"""Sentences made by rule, for what real ones are too few to show: many attractors, and long fillers."""

from collections.abc import Sequence

import numpy as np

from streamer.models.datasets.agreement_rows import Row

SUBJECTS = (
    ("student", "students"),
    ("teacher", "teachers"),
    ("author", "authors"),
    ("player", "players"),
    ("officer", "officers"),
    ("minister", "ministers"),
    ("king", "kings"),
    ("soldier", "soldiers"),
    ("doctor", "doctors"),
    ("cat", "cats"),
    ("dog", "dogs"),
    ("bird", "birds"),
)
OTHERS = (
    ("house", "houses"),
    ("book", "books"),
    ("school", "schools"),
    ("church", "churches"),
    ("road", "roads"),
    ("bridge", "bridges"),
    ("building", "buildings"),
    ("river", "rivers"),
    ("village", "villages"),
    ("car", "cars"),
    ("ship", "ships"),
    ("tree", "trees"),
    ("garden", "gardens"),
    ("tower", "towers"),
)
PREPOSITIONS = ("near", "behind", "of", "with", "from", "beside")
FILLERS = (
    ", however ,",
    ", even now ,",
    ", as always ,",
    ", so far ,",
    ", as before ,",
    ", more than ever ,",
    ", once again ,",
    ", at least ,",
)
MOST = 5  # attractors, and fillers


def attractors(count: int, rows: int, seed: int) -> list[Row]:
    """ "the cats near the house of the tree": `count` nouns of the other number behind the subject."""
    return _phrases(count, rows, seed, opposite=1)


def agreeing(count: int, rows: int, seed: int) -> list[Row]:
    """The same sentences with `count` nouns of the subject's own number behind it."""
    return _phrases(count, rows, seed, opposite=0)


def fillers(count: int, rows: int, seed: int) -> list[Row]:
    """ "the cats, however, so far": `count` adverbials, without a noun, between subject and verb."""
    random = np.random.default_rng([seed, count])
    made = []
    for number in _numbers(rows):
        between = " ".join(random.permutation(FILLERS)[:count])
        made.append(
            Row(number, ["the", _drawn(SUBJECTS, random)[number], *between.replace(", ,", ",").split()])
        )
    return made


def _phrases(count: int, rows: int, seed: int, opposite: int) -> list[Row]:
    random = np.random.default_rng([seed, count])
    made = []
    for number in _numbers(rows):
        words = ["the", _drawn(SUBJECTS, random)[number]]
        for _ in range(count):
            words += [str(random.choice(PREPOSITIONS)), "the", _drawn(OTHERS, random)[number ^ opposite]]
        made.append(Row(number, words))
    return made


def _numbers(rows: int) -> list[int]:
    return [row % 2 for row in range(rows)]


def _drawn(pairs: Sequence[tuple[str, str]], random: np.random.Generator) -> tuple[str, str]:
    return pairs[random.integers(len(pairs))]
