"""How a word that no lexicon has is pronounced: its letters cut into units, by a trigram of units.

The units are letters with their phones ("graphones": Bisani and Ney 2008, "Joint-sequence models for
grapheme-to-phoneme conversion"); the same back-off trigram that counts words counts them.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

from streamer.models.readers.captions.language_model import (
    STORED,
    Grams,
    after,
    factors,
    gram_tables,
    grams_of,
)
from streamer.models.readers.captions.machine_code import source_stamp
from streamer.models.readers.captions.tables import read_tables, write_tables

KIND = "streamer sounds 2"
START, END = 0, 1  # the first two units: of a word's beginning and of its end
BEAM = 48  # cuts of a beginning that are followed up
MOST, LEAST_SHARE = 4, 0.15  # pronunciations of a word, and how likely one is beside the best
LONGEST = 40  # letters of a word
REMEMBERED = 4096  # words whose pronunciations are kept

Phones = tuple[int, ...]


class Units(NamedTuple):
    """Unit u is `letters[u]` (0 fills up the row) and `phones[u]`, of `num_letters` and `num_phones`."""

    letters: np.ndarray  # uint8 [units, 4]
    num_letters: np.ndarray  # int64 [units]
    phones: tuple[Phones, ...]


class Pronouncer:
    """Graphemes to phonemes: `pronounce(word)`, of lower case letters, gives its likely pronunciations."""

    def __init__(self, units: Units, grams: Grams):
        self.units, self.grams, self.factors = units, grams, factors(1.0)
        # A word is asked for when options are checked and when its stream is opened.
        self.pronounce = lru_cache(REMEMBERED)(self._pronounce)
        self.pronounce("a")  # compiled, or read from the disk, before any stream waits for it

    def _pronounce(self, word: str) -> tuple[Phones, ...]:
        """The likely pronunciations, best first; () for a word that no units spell."""
        letters = np.frombuffer(word.encode(), np.uint8)
        if not 0 < len(letters) <= LONGEST:
            return ()
        shares, unit, previous, last = compiled_cuts()(letters, *self.units[:2], self.grams, self.factors)
        total: dict[Phones, float] = {}
        for at in np.flatnonzero(last):
            share, phones = float(shares[at]), []
            while at >= 0:
                phones.append(self.units.phones[unit[at]])
                at = previous[at]
            whole = tuple(phone for unit_phones in phones[::-1] for phone in unit_phones)
            total[whole] = total.get(whole, 0.0) + share
        best = sorted(total, key=lambda phones: -total[phones])[:MOST]
        return tuple(phones for phones in best if phones and total[phones] >= LEAST_SHARE * total[best[0]])


def write_pronouncer(path: Path, units: Sequence[tuple[str, Phones]], model) -> None:
    """Write units (letters, phones) after START and END, and the trigram that counts them.

    `model` is a `streamer.models.training.language.ngrams.Trigrams`.
    """
    lines = ["", "", *(" ".join([letters, *map(str, phones)]) for letters, phones in units)]
    text = np.frombuffer("\n".join(lines).encode(), np.uint8)
    write_tables(path, KIND, gram_tables(model) | {"units": text})


def read_pronouncer(path: Path, num_phones: int) -> Pronouncer:
    """What `write_pronouncer` wrote; ValueError for another file or other phones."""
    tables = read_tables(path, KIND, (*STORED, "units"))
    lines = [line.split() for line in tables.pop("units").tobytes().decode().split("\n")]
    spelled = [line[0].encode() if line else b"" for line in lines]
    phones = tuple(tuple(map(int, line[1:])) for line in lines)
    if (
        len(lines) <= END
        or max((phone for unit_phones in phones for phone in unit_phones), default=0) > num_phones
    ):
        raise ValueError(f"{path}: does not fit the card's {num_phones} phones; build it again")
    letters = np.zeros((len(lines), max(map(len, spelled))), np.uint8)
    for row, text in zip(letters, spelled):
        row[: len(text)] = np.frombuffer(text, np.uint8)
    counts = np.array([len(text) for text in spelled], np.int64)
    return Pronouncer(
        Units(letters, counts, phones), grams_of(tables, len(lines), path, f"{len(lines)} units")
    )


@cache
def compiled_cuts() -> Dispatcher:
    """`likely_cuts`, compiled when it is first called and kept on the disk until a source changes."""
    stamp = source_stamp(likely_cuts)

    @njit(cache=True)
    def cuts(word, letters, num_letters, grams, factors):
        stamp  # noqa: B018 - what a function captures belongs to the key of its machine code
        return likely_cuts(word, letters, num_letters, grams, factors)

    return cuts


@njit
def likely_cuts(word, letters, num_letters, grams, factors):
    """The most likely cuts of `word` [n], as chains of states, each the end of a unit.

    Returns shares, units, previous states (-1: none) and whether a state ends the word, all [states].
    """
    size, states = word.shape[0], (word.shape[0] + 1) * BEAM
    shares, context = np.zeros(states, np.float64), np.zeros(states, np.int64)
    unit, previous = np.zeros(states, np.int64), np.full(states, -1, np.int64)
    count, last = np.zeros(size + 1, np.int64), np.zeros(states, np.bool_)
    for at in range(size):
        for k in range(count[at] if at else 1):
            state = at * BEAM + k if at else -1
            share, history = (shares[state], context[state]) if at else (1.0, np.int64(START + 1))
            for u in range(END + 1, num_letters.shape[0]):
                to = at + num_letters[u]
                if to > size or not _begins(word, at, letters[u], num_letters[u]):
                    continue
                factor, following = after(history, u, grams, factors)
                reached = share * factor
                if to == size:
                    reached *= after(following, END, grams, factors)[0]
                place = _place(to * BEAM, count[to], shares, reached)
                if place < 0:
                    continue
                count[to] = min(count[to] + 1, BEAM)
                shares[place], context[place], unit[place], previous[place] = reached, following, u, state
                last[place] = to == size
    return shares, unit, previous, last


@njit
def _begins(word, at, letters, count):
    """Whether `letters[:count]` stand in `word` from `at` on."""
    for i in range(count):  # noqa: SIM110 - numba compiles no generator
        if word[at + i] != letters[i]:
            return False
    return True


@njit
def _place(first, count, shares, reached):
    """Where a state of share `reached` may stand: a free place, the worst one's, or -1."""
    if count < BEAM:
        return first + count
    worst = first
    for place in range(first, first + BEAM):
        if shares[place] < shares[worst]:
            worst = place
    return worst if reached > shares[worst] else -1
