"""Pieces of words with their letters and their sounds, of which any word can be spelled.

A word and its phones are cut into the smallest units that sound alike everywhere (joint units, "graphones":
Bisani and Ney 2008, "Joint-sequence models for grapheme-to-phoneme conversion"), found by
expectation maximisation over all cuts; units that often stand together become one piece.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from io import BytesIO
from math import log
from typing import NamedTuple

import sentencepiece

from streamer.models.readers.captions.lexicon import JOINT

Phones = tuple[str, ...]
MOVES = ((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (2, 2))  # letters and phones of a unit
PLAIN = 0.1  # of the moves' weight at first, (1, 1) having one
ROUNDS = 6
SAMPLE = 6_000  # words that the units are learnt from
RAREST = 20  # words that a unit must stand in
FIRST_SIGN = 0xE000  # of Unicode's private use: one for each unit
LONGEST = 4  # units in a piece


class Unit(NamedTuple):
    """Letters and the phones that they sound like."""

    letters: str
    phones: Phones


class SpellingPiece(NamedTuple):
    """A unit or several; `begins` those that begin a word."""

    letters: str
    phones: Phones
    begins: bool

    @property
    def name(self) -> str:
        """How a lexicon lists it: "ko+" begins a word, "+wal" goes on with one."""
        return self.letters + JOINT if self.begins else JOINT + self.letters


Units = dict[str, tuple[Unit, ...]]


def align(words: Mapping[str, Phones]) -> Units:
    """Every word as units; what no cut explains, or only a very rare unit, is left out."""
    weight = learn_weights(dict(list(words.items())[:: max(1, len(words) // SAMPLE)]))
    cuts = {word: cut for word, phones in words.items() if (cut := likeliest(word, phones, weight))}
    often = Counter(unit for cut in cuts.values() for unit in set(cut))
    return {word: cut for word, cut in cuts.items() if min(often[unit] for unit in cut) >= RAREST}


def learn_weights(words: Mapping[str, Phones]) -> dict[Unit, float]:
    """The probability of every unit that may stand in `words`."""
    weight: dict[Unit, float] = {}
    for word, phones in words.items():
        for i in range(len(word)):
            for j in range(len(phones)):
                for unit in _units(word, phones, i, j):
                    weight[unit] = 1.0 if len(unit.letters) == len(unit.phones) == 1 else PLAIN
    for _ in range(ROUNDS):
        counts: dict[Unit, float] = defaultdict(float)
        for word, phones in words.items():
            _expect(word, phones, weight, counts)
        total = sum(counts.values())
        weight = {unit: count / total for unit, count in counts.items()}
    return weight


def likeliest(word: str, phones: Phones, weight: Mapping[Unit, float]) -> tuple[Unit, ...]:
    """The best cut; () if there is none. A unit counts by its size, or the fewest units would win."""
    best: dict[tuple[int, int], tuple[float, tuple[Unit, ...]]] = {(0, 0): (0.0, ())}
    for i in range(len(word)):
        for j in range(len(phones)):
            if (i, j) not in best:
                continue
            value, cut = best[i, j]
            for unit in _units(word, phones, i, j):
                if p := weight.get(unit, 0.0):
                    size = len(unit.letters) + len(unit.phones)
                    to = i + len(unit.letters), j + len(unit.phones)
                    reached = value + log(p) * size / 2
                    if to not in best or reached > best[to][0]:
                        best[to] = reached, (*cut, unit)
    return best.get((len(word), len(phones)), (0.0, ()))[1]


def join(units: Units, count: int) -> dict[str, tuple[SpellingPiece, ...]]:
    """Every word as pieces, about `count` different ones in all: byte pair encoding of its units."""
    numbers: dict[tuple[bool, Unit], int] = {}
    for cut in units.values():
        for i, unit in enumerate(cut):
            numbers.setdefault((i == 0, unit), len(numbers))
    members = list(numbers)
    written = {
        word: "".join(chr(FIRST_SIGN + numbers[i == 0, unit]) for i, unit in enumerate(cut))
        for word, cut in units.items()
    }
    model = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(written.values()),
        model_writer=model,
        model_type="bpe",
        vocab_size=max(count, len(numbers) + 8),
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        max_sentencepiece_length=LONGEST,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())

    def piece(signs: str) -> SpellingPiece:
        parts = [members[ord(sign) - FIRST_SIGN] for sign in signs]
        phones = tuple(phone for _, unit in parts for phone in unit.phones)
        return SpellingPiece("".join(unit.letters for _, unit in parts), phones, parts[0][0])

    return {
        word: tuple(piece(signs) for signs in pieces.encode(text, out_type=str))
        for word, text in written.items()
    }


def _units(word: str, phones: Phones, i: int, j: int) -> list[Unit]:
    """What may stand from letter `i` and phone `j` on."""
    return [
        Unit(word[i : i + letters], phones[j : j + sounds])
        for letters, sounds in MOVES
        if i + letters <= len(word) and j + sounds <= len(phones)
    ]


def _expect(word: str, phones: Phones, weight: Mapping[Unit, float], counts: dict[Unit, float]) -> None:
    """Add how often each unit is expected in one word, over all of its cuts."""
    last = len(word), len(phones)
    moves = [
        ((i, j), (i + len(unit.letters), j + len(unit.phones)), unit, weight.get(unit, 0.0))
        for i in range(len(word))
        for j in range(len(phones))
        for unit in _units(word, phones, i, j)
    ]
    ahead: dict[tuple[int, int], float] = defaultdict(float, {(0, 0): 1.0})
    for at, to, _, p in moves:
        ahead[to] += ahead[at] * p
    if not ahead[last]:
        return
    behind: dict[tuple[int, int], float] = defaultdict(float, {last: 1.0})
    for at, to, _, p in reversed(moves):
        behind[at] += behind[to] * p
    for at, to, unit, p in moves:
        if share := ahead[at] * p * behind[to] / ahead[last]:
            counts[unit] += share
