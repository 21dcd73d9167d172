"""Long sentences cut where a clause ends: a network knows sentences of the length that it was trained on."""

from collections.abc import Sequence

CLOSING = {";": 4.0, ":": 4.0, "—": 4.0, "–": 4.0, ")": 3.0, ",": 3.0}
CONJUNCTIONS = frozenset(
    "and or but nor so yet because although though while when if that which who whose whom where as than "
    "then".split()
)
CONJUNCTION, ANYWHERE = 2.0, 0.5


def clauses(words: Sequence[str], sizes: Sequence[int], most: int) -> list[int]:
    """Where to cut a sentence, as counts of words before each cut, so that no part is larger than `most`.

    `sizes` are the words' own, in steps. Parts end after punctuation, before conjunctions, and only
    where there is neither between any two words; of good places one in the second half of what is
    allowed is better. A word that is larger than `most` is a part of its own.
    """
    cuts, begin = [], 0
    while sum(sizes[begin:]) > most:
        size, best, cut = 0, -1.0, begin + 1
        for at in range(begin + 1, len(words)):
            size += sizes[at - 1]
            if size > most:
                break
            worth = _worth(words[at - 1], words[at]) * min(1.0, 2 * size / most)
            if worth >= best:
                best, cut = worth, at
        cuts.append(cut)
        begin = cut
        if begin == len(words) - 1:
            break
    return cuts


def _worth(before: str, after: str) -> float:
    if before[-1] in CLOSING:
        return CLOSING[before[-1]]
    return CONJUNCTION if after.lower() in CONJUNCTIONS else ANYWHERE
