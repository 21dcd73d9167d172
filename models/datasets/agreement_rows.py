"""Rows of agreement: beginnings of sentences, and the number of the verb that comes next."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from streamer.models.datasets.text_files import read_lines

NUMBERS = ["singular", "plural"]
TAGS = {"VBZ": 0, "VBP": 1}  # as the files name them
NONE = -1  # where no verb follows, or none that shows its number

# Verbs whose form shows their number.
_NUMBER_OF = {"is": 0, "was": 0, "has": 0, "does": 0, "are": 1, "were": 1, "have": 1, "do": 1}
# After these a verb has no number, or not that of the subject before it.
_SILENCERS = frozenset(
    "to i you may can could would will should might must not n't ca wo did do does there who which that what "
    "if as than let make made help".split()
)
_REACH = 3  # words before a verb where such a word counts


class AgreementRow(NamedTuple):
    """The words before a verb, and its number: an index of `NUMBERS`."""

    number: int
    words: list[str]


def read_rows(path: Path) -> list[AgreementRow]:
    """The rows of a file of lines "VBZ|VBP<TAB>words". ValueError names the file and the wrong line."""
    rows = []
    for number, line in read_lines(path):
        tag, _, text = line.partition("\t")
        if tag not in TAGS or not text.strip():
            raise ValueError(f"{path}: line {number}: wanted VBZ or VBP, a tab and the words before the verb")
        rows.append(AgreementRow(TAGS[tag], text.split()))
    if not rows:
        raise ValueError(f"{path}: holds no rows")
    return rows


def numbers_of_row(row: AgreementRow) -> np.ndarray:
    """The number of the verb after each word of a row [words]; the last one is the row's."""
    numbers = numbers_shown(row.words)
    numbers[-1] = row.number
    return numbers


def numbers_shown(words: Sequence[str]) -> np.ndarray:
    """The number of the verb after each word [words], where the verb itself shows it."""
    lower = [word.lower() for word in words]
    numbers = np.full(len(words), NONE, np.int64)
    for at in range(1, len(lower)):
        if lower[at] in _NUMBER_OF and not _SILENCERS.intersection(lower[max(0, at - _REACH) : at]):
            numbers[at - 1] = _NUMBER_OF[lower[at]]
    return numbers
