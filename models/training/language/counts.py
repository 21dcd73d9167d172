"""How often words follow one another in a text: counted here, or read from `ngrams_books`."""

import gzip
import json
import lzma
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

START, END = "<s>", "</s>"
BOOK_BITS = 17  # of a word's number in the keys of `ngrams_books`


@dataclass(frozen=True)
class Counts:
    """What a text counts over a vocabulary of `size` words; keys are packed as those of `Trigrams`.

    words [size], then aligned with the sorted keys `pairs` and `triples`. Rare pairs and triples may be
    missing; `words` and `total` count all that was read. `pair_discounts` and `triple_discounts` [3] belong
    to what was counted once, twice and more often (Chen and Goodman 1999).
    """

    size: int
    total: float
    words: np.ndarray
    pairs: np.ndarray
    pair_counts: np.ndarray
    triples: np.ndarray
    triple_counts: np.ndarray
    pair_discounts: np.ndarray
    triple_discounts: np.ndarray


def count(lines: Iterable[str], vocabulary: Sequence[str]) -> Counts:
    """The n-grams of sentences; those that hold a word outside `vocabulary` are left out."""
    size, number = len(vocabulary), {word: i for i, word in enumerate(vocabulary)}
    start, end, words = number[START], number[END], []
    for line in lines:
        words += [start, *(number.get(word, -1) for word in line.split()), end]
    ids = np.array(words, np.int64)
    known, inside = ids >= 0, np.ones(len(ids), bool)
    inside[1:] = ids[1:] != start  # no n-gram reaches over the end of a sentence
    pair_at = known[:-1] & known[1:] & inside[1:]
    triple_at = pair_at[:-1] & pair_at[1:]
    pair_keys = ids[:-1] * size + ids[1:]
    pairs, pair_counts = np.unique(pair_keys[pair_at], return_counts=True)
    triples, triple_counts = np.unique((pair_keys[:-1] * size + ids[2:])[triple_at], return_counts=True)
    continued = np.unique(triples % (size * size), return_counts=True)[1]
    return Counts(
        size,
        float(len(ids)),
        np.bincount(ids[known], minlength=size).astype(float),
        pairs,
        pair_counts.astype(float),
        triples,
        triple_counts.astype(float),
        discounts(np.bincount(continued, minlength=5)[1:5]),
        discounts(np.bincount(triple_counts, minlength=5)[1:5]),
    )


def book_words(folder: Path) -> dict[str, int]:
    """The words of `ngrams_books` and how often each stands there, the most frequent first."""
    rows = _rows(folder)[3:]
    return {word: int(often) for word, often, _ in rows}


def read_counts(folder: Path, number: Mapping[str, int]) -> Counts:
    """The counts of `ngrams_books` over the vocabulary `number`, which numbers its words from 0 on."""
    size, rows = len(number), _rows(folder)
    place = np.array([number.get(word, -1) for word, _, _ in rows], np.int64)
    words = np.zeros(size)
    words[place[place >= 0]] = [float(often) for (_, often, _), at in zip(rows, place) if at >= 0]
    pairs, pair_counts = _packed(folder / "bigrams.xz", 2, place, size)
    triples, triple_counts = _packed(folder / "trigrams.xz", 3, place, size)
    totals = json.loads((folder / "counts.json").read_text())
    return Counts(
        size,
        float(totals["tokens"]),
        words,
        pairs,
        pair_counts,
        triples,
        triple_counts,
        discounts(np.array(totals["bigram_continuation_count_of_counts"])),
        discounts(np.array(totals["trigram_count_of_counts"])),
    )


def discounts(often: np.ndarray) -> np.ndarray:
    """The three discounts of modified Kneser-Ney, of how many n-grams were counted once to four times [4]."""
    n1, n2, n3, n4 = np.maximum(often, 1).astype(float)
    y = n1 / (n1 + 2 * n2)
    estimates = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(estimates, [0.3, 0.5, 0.6], [0.95, 1.6, 2.0])


def _rows(folder: Path) -> list[list[str]]:
    with gzip.open(folder / "unigrams.tsv.gz", "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines]


def _packed(path: Path, order: int, place: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted keys over the new numbers and their counts; what holds a word without one is left out."""
    raw = lzma.decompress(path.read_bytes())
    values = _varints(np.frombuffer(raw, np.uint8, offset=8))
    many = int.from_bytes(raw[:8], "little")
    keys, counts = np.cumsum(values[:many]), values[many:]
    packed, known = np.zeros(many, np.int64), np.ones(many, bool)
    for at in range(order):
        shift = np.uint64(BOOK_BITS * (order - 1 - at))
        ids = place[((keys >> shift) & np.uint64((1 << BOOK_BITS) - 1)).astype(np.int64)]
        known &= ids >= 0
        packed = packed * size + ids
    chosen = np.flatnonzero(known)
    chosen = chosen[np.argsort(packed[chosen])]
    return packed[chosen], counts[chosen].astype(float)


def _varints(data: np.ndarray) -> np.ndarray:
    """Numbers of seven bits a byte, the lowest first, whose last byte is below 128: uint64 [n]."""
    ends = np.flatnonzero(data < 128)
    starts = np.concatenate([[0], ends[:-1] + 1])
    values = np.zeros(len(ends), np.uint64)
    for byte in range(int((ends - starts).max(initial=0)) + 1):
        inside = np.flatnonzero(starts + byte <= ends)
        bits = (data[starts[inside] + byte] & np.uint8(127)).astype(np.uint64)
        values[inside] |= bits << np.uint64(7 * byte)
    return values
