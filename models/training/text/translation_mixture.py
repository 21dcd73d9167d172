"""Pairs of sentences from several corpora, masked: what a translator beyond one corpus learns from."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamer.models.datasets.sentence_pairs import read_pairs
from streamer.models.text.masks import mask_pair
from streamer.models.text.pieces import chunks

Pair = tuple[str, str]

COPIED = 0.7  # the share of a word's pairs with the word in the target too, from which on it is a name
FREQUENT = 100  # pairs that have a word, from which on the network learns it, name or not
LOWERED = 0.04  # the share of pairs that come as captions do, without case and marks
JOINED = 0.1  # the share of pairs that come with the one after them


@dataclass(frozen=True)
class Part:
    """A corpus of a mixture; `share` is how often a pair of it comes, 0.5 for every second one."""

    folder: str
    licence: str
    share: float = 1.0
    train: str = "train.tsv.gz"
    dev: str = "dev.tsv"


EN_DE = (
    Part("tatoeba_en_de", "CC BY 2.0 (France): www.manythings.org/anki and tatoeba.org"),
    Part("en_de_debian_web", "MIT or GPL-2+; before 2012 Open Publication License 1.0: the Debian web site"),
    Part("en_de_docs_cc", "CC BY-SA 3.0 and 4.0, CC BY 4.0: GNOME documentation and others"),
    Part("en_de_libreoffice_help", "MPL-2.0", 0.8),
    Part("en_de_games_ccbysa", "CC BY-SA 3.0", 0.7),
    Part("en_de_web_permissive", "MPL-2.0, BSD-3-Clause, MIT and others: permissive"),
    Part("en_de_apps_apache", "Apache-2.0"),
    Part("en_de_reference", "CC BY-SA 4.0 and 3.0, CC BY 4.0: XQuAD, NTREX-128, UD PUD, MGSM", 6),
    Part("en_de_ui_permissive", "Apache-2.0, ISC, MIT", 0.5),
    Part("en_de_bible_nt", "public domain", 0.7),
    Part("dict_en_de_wiktionary", "CC BY-SA 3.0", 0.3, dev=""),
    Part("names_en_de", "public domain, CC0", 0.3, dev=""),
)


def read_mixture(text: Path, parts: Sequence[Part], seed: int) -> tuple[list[Pair], frozenset[str]]:
    """The masked pairs of `parts`, folders in `text`, and the words in lower case that are no names.

    A pair whose numbers or code differ between its sides is left out.
    """
    corpora = [read_pairs(text / part.folder / part.train) for part in parts]
    known = words_known(pair for corpus in corpora for pair in corpus)
    draw = random.Random(seed)
    pairs: list[Pair] = []
    for part, corpus in zip(parts, corpora):
        masked = [pair for source, target in corpus if (pair := mask_pair(source, target, known))]
        pairs += varied(list(repeated(masked, part.share, draw)), draw)
    return pairs, known


def words_known(pairs: Iterator[Pair]) -> frozenset[str]:
    """The words of the sources, in lower case, that are translated or frequent; other capitals are names."""
    seen: Counter[str] = Counter()
    copied: Counter[str] = Counter()
    for source, target in pairs:
        there = {chunk.strip() for chunk in chunks(target)}
        for word in {chunk.strip() for chunk in chunks(source)}:
            seen[word.lower()] += 1
            copied[word.lower()] += word in there and word[0].isupper()
    return frozenset(
        word
        for word, count in seen.items()
        if word.isalpha() and (count >= FREQUENT or copied[word] < COPIED * count)
    )


def repeated(pairs: Sequence[Pair], share: float, draw: random.Random) -> Iterator[Pair]:
    """Each pair `share` times: the whole part of it surely, the rest by chance."""
    for pair in pairs:
        for _ in range(int(share) + (draw.random() < share % 1)):
            yield pair


def varied(pairs: Sequence[Pair], draw: random.Random) -> list[Pair]:
    """The pairs, of which some are joined to the next one and some sources lose case and marks."""
    joined: list[Pair] = []
    rest = iter(pairs)
    for source, target in rest:
        after = next(rest, None) if draw.random() < JOINED else None
        if after and (second := _joinable((source, target), after)):
            joined.append(second)
        else:
            joined += [(source, target), *([after] if after else [])]
    return [
        (_as_heard(source), target) if draw.random() < LOWERED else (source, target)
        for source, target in joined
    ]


def _joinable(first: Pair, second: Pair) -> Pair | None:
    """Two sentences as one pair, where both end as sentences and no placeholder is in both."""
    if not all(text.rstrip()[-1:] in (".", "!", "?") for text in (*first, *second)):
        return None
    if any("\ue000" <= letter <= "\uf8ff" for letter in second[0]):
        return None
    return f"{first[0]} {second[0]}", f"{first[1]} {second[1]}"


def _as_heard(source: str) -> str:
    return " ".join(source.lower().translate(str.maketrans('.,;:!?"“”()', " " * 11)).split())
