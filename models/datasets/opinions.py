"""Texts and their opinion of their subject: files of labels and texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from streamer.models.datasets.text_files import read_lines
from streamer.models.datasets.word_channels import Words

NO_LABEL = -100


def read_labelled(path: Path) -> list[tuple[int, str]]:
    """The rows of a .tsv or .tsv.gz: a whole number, the first column, and a text, the last.

    ValueError, one line, for a file that cannot be read and a row of another form.
    """
    rows: list[tuple[int, str]] = []
    for number, line in read_lines(path):
        columns = line.split("\t")
        if len(columns) < 2 or not columns[0].isdecimal():
            raise ValueError(f"{path}, line {number}: wanted a label 0, 1, ..., a tab and a text")
        rows.append((int(columns[0]), columns[-1]))
    return rows


@dataclass(frozen=True)
class Opinions:
    """Texts as numbers of words; beside each 0 or 1, and 0 to 4; `NO_LABEL` where none is known."""

    texts: list[np.ndarray]
    polar: np.ndarray
    fine: np.ndarray

    def __add__(self, other: "Opinions") -> "Opinions":
        return Opinions(
            self.texts + other.texts,
            np.concatenate([self.polar, other.polar]),
            np.concatenate([self.fine, other.fine]),
        )


def polar(rows: Sequence[tuple[int, str]], words: Words) -> Opinions:
    """Rows whose labels are 0, negative, and 1, positive."""
    kept = [(label, text.split()) for label, text in rows if text.split()]
    labels = np.array([label for label, _ in kept], np.int64)
    return Opinions([words.text(text) for _, text in kept], labels, np.full(len(kept), NO_LABEL))


def fine(rows: Sequence[tuple[int, str]], words: Words) -> Opinions:
    """Rows whose labels are 0, very negative, to 4; those of 2 are neither negative nor positive."""
    opinions = five(rows, words)
    return replace(opinions, polar=np.where(opinions.fine == 2, NO_LABEL, opinions.fine // 3))


def five(rows: Sequence[tuple[int, str]], words: Words) -> Opinions:
    """Rows whose labels are 0, very negative, to 4, and say nothing of the two classes."""
    opinions = polar(rows, words)
    return replace(opinions, polar=opinions.fine, fine=opinions.polar)
