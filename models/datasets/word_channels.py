"""Words as channels of the "words" encoder, each different word encoded once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from streamer.models.text.words import CHANNELS, FIRST, WordsEncoder


class Stripping(NamedTuple):
    """By number of a word: the number of its lower-cased form, and whether it has a letter or digit."""

    lower: np.ndarray
    spoken: np.ndarray


class Words:
    """The words of some texts, numbered as they are met; a text is an array of numbers."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def text(self, words: Iterable[str]) -> np.ndarray:
        """The numbers [n] of `words`."""
        add = self.numbers.setdefault
        return np.array([add(word, len(self.numbers)) for word in words], np.int64)

    def frequent(self, texts: Sequence[np.ndarray], most: int, least: int = 2) -> list[str]:
        """The `most` lower-cased words that stand `least` times or more, the most frequent first."""
        counts = np.bincount(np.concatenate(list(texts)), minlength=len(self.numbers))
        lower: Counter[str] = Counter()
        for word, count in zip(self.numbers, counts.tolist()):
            lower[word.lower()] += count
        return [word for word, count in lower.most_common(most) if count >= least]

    def stripping(self) -> "Stripping":
        """What every word is without case, and whether it is spoken at all."""
        known = list(self.numbers)
        lower = self.text(word.lower() for word in known)
        known = list(self.numbers)
        lower = np.append(lower, np.arange(len(lower), len(known)))
        return Stripping(lower, np.array([any(map(str.isalnum, word)) for word in known]))

    def table(self, listed: Sequence[str], names: Sequence[Sequence[str]] = ()) -> np.ndarray:
        """The channels [words, C] of every word, as they are inside a sentence."""
        encoder = WordsEncoder(listed, names=names)
        rows = [encoder.steps(word, first=False) for word in self.numbers]
        return np.concatenate([np.zeros((0, CHANNELS), np.float32), *rows])


def batch(table: np.ndarray, texts: Sequence[np.ndarray], tail: int = 0) -> tuple[Tensor, Tensor]:
    """x [B, T, C] with the first step marked and padding of zeros, and lengths [B]."""
    lengths = [len(text) for text in texts]
    x = np.zeros((len(texts), max(lengths) + tail, table.shape[1]), np.float32)
    for row, text in zip(x, texts):
        row[: len(text)] = table[text]
        row[0, FIRST] = 1
    return torch.from_numpy(x), torch.tensor(lengths)


def by_length(texts: Sequence[Sized], rows: int = 64) -> Iterator[list[int]]:
    """Batches of at most `rows` indices of texts, the shortest texts first, so that little is padding."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), rows):
        yield order[start : start + rows]


def glove(path: Path, listed: Sequence[str]) -> np.ndarray:
    """Vectors [2 + listed, size] of deviation 1; zero for a word that the file lacks."""
    with np.load(path, allow_pickle=False) as file:
        words, vectors = file["words"].tolist(), file["vectors"]
    rows = np.zeros((2 + len(listed), vectors.shape[1]), np.float32)
    places = {word: number for number, word in enumerate(words)}
    for number, word in enumerate(listed, 2):
        if word in places:
            rows[number] = vectors[places[word]]
    return rows / max(float(rows.std()), 1e-6)
