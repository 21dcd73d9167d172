"""Builds sounds.bin: how letters sound, for words that a client listens for and no lexicon has."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from streamer.models.datasets.shards import PHONES
from streamer.models.readers.captions.pronunciation import Pronouncer, write_pronouncer
from streamer.models.training.language.counts import END, START, count
from streamer.models.training.language.graphones import Phones, Unit, Units
from streamer.models.training.language.kneser_ney import estimate

MAX_PAIRS, MAX_TRIPLES = 40_000, 60_000
KEPT_ASIDE = 50  # one word in so many isn't learnt from, but asked


def learnt(cuts: Units) -> Units:
    """The words that `build_sounding` should learn from."""
    return {word: cut for i, (word, cut) in enumerate(sorted(cuts.items())) if i % KEPT_ASIDE}


def build_sounding(path: Path, cuts: Units) -> None:
    """Write a trigram of the units that `cuts` spells its words in."""
    units = sorted({unit for cut in cuts.values() for unit in cut})
    words = [" ".join(map(_name, cut)) for cut in cuts.values()]
    counted = count(words, [START, END, *map(_name, units)])
    write_pronouncer(
        path,
        [(unit.letters, numbers(unit.phones)) for unit in units],
        estimate([counted], [1.0], MAX_PAIRS, MAX_TRIPLES, 0),
    )


def right_shares(
    pronouncer: Pronouncer, words: Iterable[str], known: Mapping[str, list[Phones]]
) -> tuple[float, float]:
    """The shares of `words` whose first pronunciation, and of which any, is one of those `known`."""
    asked = list(words)
    pairs = [(pronouncer.pronounce(word), {numbers(phones) for phones in known[word]}) for word in asked]
    first = sum(guesses[:1] != () and guesses[0] in right for guesses, right in pairs)
    return first / len(asked), sum(not right.isdisjoint(guesses) for guesses, right in pairs) / len(asked)


def numbers(phones: Phones) -> tuple[int, ...]:
    """Phones as labels of the captions networks."""
    return tuple(PHONES.index(phone) for phone in phones)


def _name(unit: Unit) -> str:
    return f"{unit.letters}|{'.'.join(unit.phones)}"
