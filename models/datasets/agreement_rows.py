"""What networks learn agreement from: beginnings of sentences, and the number of the verb that comes next."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

NUMBERS = ["singular", "plural"]
TAGS = {"VBZ": 0, "VBP": 1}  # as the files name them
NONE = -1  # where no verb follows, or none that shows its number

# Verbs that tell their number by themselves.
_TELLING = {"is": 0, "was": 0, "has": 0, "does": 0, "are": 1, "were": 1, "have": 1, "do": 1}
# Behind these a verb has no number, or not that of a subject in front of it.
_SILENCED = frozenset(
    "to i you may can could would will should might must not n't ca wo did do does there who which that what "
    "if as than let make made help".split()
)
_REACH = 3  # words in front of a verb where such a word counts


class Row(NamedTuple):
    """The words before a verb, and its number: an index of `NUMBERS`."""

    number: int
    words: list[str]


def read_rows(path: Path) -> list[Row]:
    """The rows of a file of lines "VBZ|VBP<TAB>words". ValueError names the file and the line that is wrong."""
    rows = []
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                tag, tab, text = line.rstrip("\n").partition("\t")
                if tag not in TAGS or not text.strip():
                    raise ValueError(
                        f"{path}: line {number}: wanted VBZ or VBP, a tab and the words before the verb"
                    )
                rows.append(Row(TAGS[tag], text.split()))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not rows:
        raise ValueError(f"{path}: holds no rows")
    return rows


def at_the_end(row: Row) -> np.ndarray:
    """Numbers [words] of the verbs behind each word of a row: known after the last one."""
    numbers = told(row.words)
    numbers[-1] = row.number
    return numbers


def told(words: Sequence[str]) -> np.ndarray:
    """Numbers [words] of the verbs behind each word, where the verb itself shows it."""
    lower = [word.lower() for word in words]
    numbers = np.full(len(words), NONE, np.int64)
    for at in range(1, len(lower)):
        if lower[at] in _TELLING and not _SILENCED.intersection(lower[max(0, at - _REACH) : at]):
            numbers[at - 1] = _TELLING[lower[at]]
    return numbers
