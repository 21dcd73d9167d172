"""Sentences whose words are tagged: files, tags as numbers, sentences as captions would write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamer.models.datasets.text_files import read_lines
from streamer.models.datasets.word_channels import Words

TYPES = ("PER", "LOC", "ORG", "MISC")
TAGS = ["O", *(f"{place}-{kind}" for kind in TYPES for place in "BI")]


def read_conll(path: Path) -> list[tuple[list[str], list[str]]]:
    """The sentences of a .conll or .conll.gz as words and tags, the first and last columns.

    ValueError, one line, for a file that cannot be read and a line without a tag.
    """
    sentences: list[tuple[list[str], list[str]]] = []
    words: list[str] = []
    tags: list[str] = []
    for number, line in read_lines(path):
        columns = line.split("\t")
        if columns == [""]:
            if words:
                sentences.append((words, tags))
            words, tags = [], []
        elif len(columns) < 2 or columns[-1][:2] not in ("O", "B-", "I-"):
            raise ValueError(f"{path}, line {number}: wanted a word, a tab and a tag: O, B- or I-")
        else:
            words.append(columns[0])
            tags.append(columns[-1])
    if words:
        sentences.append((words, tags))
    return sentences


def strip(words: Sequence[str], tags: Sequence[str]) -> tuple[list[str], list[str]]:
    """A sentence as captions write it: lower case, no punctuation; an entity keeps its beginning."""
    kept_words: list[str] = []
    kept_tags: list[str] = []
    inside = ""
    for word, tag in zip(words, tags):
        if not any(map(str.isalnum, word)):
            # A name that begins with a mark begins with the word after it.
            inside = tag[2:] if tag[0] == "B" else inside if tag[0] == "I" else ""
            continue
        kept_words.append(word.lower())
        kept_tags.append(f"B-{inside}" if inside and tag == f"I-{inside}" else tag)
        inside = ""
    return kept_words, kept_tags


@dataclass(frozen=True)
class Tagged:
    """Texts as numbers of words, and beside each an array of numbers of `TAGS`."""

    texts: list[np.ndarray]
    tags: list[np.ndarray]

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.texts[index], self.tags[index]


def numbered(sentences: Sequence[tuple[Sequence[str], Sequence[str]]], words: Words) -> Tagged:
    """Sentences as numbers; a sentence of no words is left out."""
    numbers = {tag: number for number, tag in enumerate(TAGS)}
    whole = [(text, tags) for text, tags in sentences if text]
    return Tagged(
        [words.text(text) for text, _ in whole],
        [np.array([numbers[tag] for tag in tags], np.int64) for _, tags in whole],
    )
