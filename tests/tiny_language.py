"""A language of six words and two pieces of words, for the captions reader, and logits that speak it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from streamer.models.readers.captions.language_model import write_grams
from streamer.models.readers.captions.lexicon import build_lexicon
from streamer.models.readers.captions.pronunciation import write_pronouncer
from streamer.models.training.language.ngrams import Trigrams, normalised

PHONES = ("", "A", "B", "C", "D")
WORDS = ("<s>", "</s>", "ab", "abba", "bee", "cab", "dad", "dab", "bac+", "+cad")
SOUNDS = {
    "ab": "AB",
    "abba": "ABBA",
    "bee": "B",
    "cab": "CAB",
    "dad": "DAD",
    "dab": "DAB",
    "bac+": "BAC",
    "+cad": "CAD",
}
STRANGE = {"baccad": "BACCAD", "baccadcad": "BACCADCAD"}  # what the pieces spell


def write_language(folder: Path) -> None:
    """lexicon.bin and lm.bin: all words alike, but "ab" likes to be followed by "cab"."""
    size = len(WORDS)
    logp = np.log(np.full(size, 1 / (size - 1)))
    logp[0] = -16.0
    ab, cab, dad = (WORDS.index(word) for word in ("ab", "cab", "dad"))
    pairs = np.array([ab * size + cab, cab * size + dad])
    model = Trigrams(
        size,
        logp,
        np.zeros(size),
        pairs,
        np.log(np.array([0.6, 0.5])),
        np.zeros(2),
        np.array([(ab * size + cab) * size + dad]),
        np.log(np.array([0.7])),
    )
    write_grams(folder / "lm.bin", normalised(model))
    sounds = [
        (WORDS.index(word), tuple(PHONES.index(phone) for phone in phones)) for word, phones in SOUNDS.items()
    ]
    build_lexicon(folder / "lexicon.bin", WORDS, sounds, logp, len(PHONES) - 1)


def write_sounds(folder: Path) -> None:
    """sounds.bin: "a" to "d" are their phones, "f" is C and D.

    "e" is A, or C half as often, and "g" is D and hardly ever B.
    """
    units = [
        ("a", "A"),
        ("b", "B"),
        ("c", "C"),
        ("d", "D"),
        ("e", "A"),
        ("e", "C"),
        ("f", "CD"),
        ("g", "D"),
        ("g", "B"),
    ]
    likely = np.array([0.0, 2, 2, 2, 2, 2, 2, 1, 2, 2, 0.2])
    logp = np.log(np.maximum(likely, 1e-7) / likely.sum())
    none, no_keys = np.zeros(0), np.zeros(0, np.int64)
    model = Trigrams(len(logp), logp, np.zeros(len(logp)), no_keys, none, none, no_keys, none)
    sounds = [(letters, tuple(PHONES.index(phone) for phone in phones)) for letters, phones in units]
    write_pronouncer(folder / "sounds.bin", sounds, normalised(model))


def speak(text: str, logit: float = 6.0, strange: Mapping[str, str] = STRANGE) -> np.ndarray:
    """Logits [n, 5]: a row for each phone of `text`'s words, a blank after each; "." is 4 blanks.

    `strange` has the phones of words that the language lacks.
    """
    rows, sounds = [], SOUNDS | strange
    for word in text.split():
        for phone in "...." if word == "." else sounds[word]:
            if phone != ".":
                rows.append(_row(PHONES.index(phone), logit))
            rows.append(_row(0, 9.0))
    return np.array(rows, np.float32)


def babble(rows: int, seed: int) -> np.ndarray:
    """Logits [rows, 5] of a network that is sure of nothing, silent a quarter of the time."""
    random = np.random.default_rng(seed)
    logits = random.normal(0.0, 3.0, (rows, len(PHONES))).astype(np.float32)
    quiet = np.repeat(random.random(rows // 16 + 1) < 0.25, 16)[:rows]
    logits[quiet, 0] += 12.0
    return logits


def _row(column: int, logit: float) -> np.ndarray:
    row = np.zeros(len(PHONES), np.float32)
    row[column] = logit
    return row
