"""Sentences and which of their words a reference summary keeps."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamer.models.datasets.text_files import read_lines
from streamer.models.datasets.word_channels import Stripping, Words


@dataclass(frozen=True)
class Compressions:
    """Texts as numbers of words, and beside each a float32 array: 1 where a word is kept."""

    texts: list[np.ndarray]
    kept: list[np.ndarray]

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.texts[index], self.kept[index]

    def stripped(self, index: int, stripping: Stripping) -> tuple[np.ndarray, np.ndarray]:
        """A sentence as captions write it, without case and punctuation; as it is if nothing is left."""
        text, kept = self.texts[index], self.kept[index]
        spoken = stripping.spoken[text]
        return (stripping.lower[text[spoken]], kept[spoken]) if spoken.any() else (text, kept)


def read_compressions(path: Path, words: Words) -> Compressions:
    """The rows of a .jsonl or .jsonl.gz that have labels."""
    texts, kept = [], []
    for _, line in read_lines(path):
        row = json.loads(line)
        if row["labels"] is not None:
            texts.append(words.text(row["tokens"]))
            kept.append(np.array(row["labels"], np.float32))
    return Compressions(texts, kept)
