"""Text in which words are spelled in pieces, for a language model of the words that it doesn't know."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

import numpy as np

from streamer.models.training.language.graphones import Phones, SpellingPiece, Units, align

SPELLED = "spelled"
SPELLABLE = re.compile(r"[a-z]{4,}('s)?")
RARE = 2  # how often a word is read that may stand for one that is never read
LEAST_SHARE = 0.02  # of a piece's words, for a sound of its letters
Pieces = tuple[SpellingPiece, ...]


def in_units(sounds: Mapping[str, Phones]) -> Units:
    """The words that can be spelled, as units; `sounds` has each one's phones."""
    return align({word: sounds[word] for word in sounds if SPELLABLE.fullmatch(word)})


def spelled_sentences(
    texts: Mapping[str, list[str]], vocabulary: Collection[str], spelled: Mapping[str, Pieces], seed: int = 1
) -> list[str]:
    """The sentences of `texts` that hold a rare word, which is spelled there.

    Every other one of them is changed for a word outside `vocabulary`: what is rare in a few texts
    stands where all that was never read would stand.
    """
    random = np.random.default_rng(seed)
    counts = Counter(word for lines in texts.values() for line in lines for word in line.split())
    rare = {word for word, often in counts.items() if often <= RARE or word not in vocabulary}
    strange = sorted(set(spelled) - set(vocabulary))
    sentences = []
    for lines in texts.values():
        for line in lines:
            words, changed = line.split(), False
            for i, word in enumerate(words):
                if word in rare:
                    if word not in spelled or random.random() < 0.5:
                        word = strange[random.integers(len(strange))]
                    words[i] = " ".join(piece.name for piece in spelled[word])
                    changed = True
            if changed:
                sentences.append(" ".join(words))
    return sentences


def piece_sounds(spelled: Mapping[str, Pieces]) -> dict[str, list[Phones]]:
    """How each piece's letters may sound, by its name, the most usual first."""
    often: dict[str, Counter[Phones]] = defaultdict(Counter)
    for pieces in spelled.values():
        for piece in pieces:
            often[piece.name][piece.phones] += 1
    return {
        name: [phones for phones, count in sounds.most_common() if count >= LEAST_SHARE * sounds.total()]
        for name, sounds in sorted(often.items())
    }
