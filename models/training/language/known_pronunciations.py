"""How words sound: cmudict, letter names, and the aligned training speech for the words it lacks."""

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

from streamer.models.datasets.spoken_text import SPOKEN

Pronunciations = dict[str, list[tuple[str, ...]]]  # a word's phones, the most usual first


def pronunciations(data: Path) -> Pronunciations:
    """Every word that cmudict or the aligned training speech pronounces; phones without stress."""
    phones_by_word: Pronunciations = defaultdict(list)
    with gzip.open(data / "text" / "cmudict" / "cmudict.txt.gz", "rt", encoding="latin-1") as lines:
        for line in lines:
            word, _, *phones = line.split()
            # "A. 1 EY1" is the letter's name.
            name = word[0] if len(word) == 2 and word.endswith(".") else word
            plain = tuple(phone.rstrip("012") for phone in phones)
            if plain not in phones_by_word[name.lower()]:
                phones_by_word[name.lower()].append(plain)
    for word, heard in _aligned(data).items():
        if word not in phones_by_word:
            phones_by_word[word] = [phones for phones, _ in heard.most_common(2)]
    return dict(phones_by_word)


def _aligned(data: Path) -> dict[str, Counter]:
    """word -> how often each pronunciation was aligned to it in the training splits."""
    heard: dict[str, Counter] = defaultdict(Counter)
    for name, split in (pair for pairs in SPOKEN.values() for pair in pairs):
        path = data / "speech" / "alignments" / f"{name}.{split}.jsonl.gz"
        with gzip.open(path, "rt") as lines:
            for row in map(json.loads, lines):
                for word, start, length in row["words"]:
                    phones = tuple(
                        phone
                        for phone, at, _ in row["phones"]
                        if start <= at < start + length and phone != "SIL"
                    )
                    if phones:
                        heard[word][phones] += 1
    return heard
