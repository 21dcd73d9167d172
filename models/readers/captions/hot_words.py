"""Hot words: what is listened for, and the nodes that lead there, helped from their first phone."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from streamer.errors import OptionError
from streamer.models.readers.captions.lexicon import Lexicon
from streamer.models.readers.captions.pronunciation import Phones, Pronouncer

SPELLABLE = re.compile(r"'*[a-z][a-z']*")
SHOWN = 40  # letters of a word that is refused


class Hot(NamedTuple):
    """What a stream listens for. `nodes` int32 [n], sorted: -1 - word for every listed word, then the
    nodes on their way.

    `own` int16 [m, 2] are the phones of the words that the lexicon lacks, chain after chain, with the
    word's number at the last phone of each, else -1; `text` has these words, each followed by a space.
    """

    nodes: np.ndarray
    own: np.ndarray
    text: bytes


class HotWordVocabulary:
    """The words of a lexicon and the nodes of its tree that lead to them; `pronouncer` is for other words."""

    def __init__(self, lexicon: Lexicon, pronouncer: Pronouncer | None = None):
        self.number = {text: i for i, text in enumerate(lexicon.spelling[: lexicon.tree.pieces])}
        self.tree, self.pronouncer = lexicon.tree, pronouncer

    def hot(self, phrases: Sequence[str], limit: int) -> Hot:
        """OptionError "options.hot_words" for a word that can't be pronounced, or too many."""
        words = dict.fromkeys(word for phrase in phrases for word in phrase.lower().split())
        _within(limit, len(words))  # a word has a phone at least
        wanted = [self.number[word] for word in words if word in self.number]
        nodes = {-1 - word for word in wanted}
        for entry in np.flatnonzero(np.isin(self.tree.word, wanted)):
            nodes.update(self._path(int(entry)))
        strange = [word for word in words if word not in self.number]
        own: list[tuple[int, int]] = []
        for number, word in enumerate(strange):
            for phones in self._pronunciations(word):
                own += [(phone, -1) for phone in phones[:-1]] + [(phones[-1], number)]
            _within(limit, len(own))  # at once: to pronounce a word takes a millisecond
        text = b"".join(word.encode() + b" " for word in strange)
        _within(limit, max(len(nodes), len(text) // 8))
        return Hot(np.array(sorted(nodes), np.int32), np.array(own, np.int16).reshape(-1, 2), text)

    def _pronunciations(self, word: str) -> tuple[Phones, ...]:
        shown = word if len(word) <= SHOWN else word[:SHOWN] + "..."
        if not self.pronouncer:
            raise OptionError("options.hot_words", f"{shown!r} is not in this model's lexicon")
        pronunciations = self.pronouncer.pronounce(word.replace("'", "")) if SPELLABLE.fullmatch(word) else ()
        if not pronunciations:
            raise OptionError(
                "options.hot_words",
                f"{shown!r} is not in this model's lexicon and can't be pronounced; "
                "spell it with letters from a to z",
            )
        return pronunciations

    def _path(self, entry: int) -> list[int]:
        """The nodes from the first phone to where `entry` of the tree's words ends."""
        # Nodes are numbered level by level, so both columns rise with the node.
        node = int(np.searchsorted(self.tree.first_word, entry, "right")) - 1
        path = []
        while node >= self.tree.child[0]:
            path.append(node)
            node = int(np.searchsorted(self.tree.child, node, "right")) - 1
        return path


def _within(limit: int, phones: int) -> None:
    if phones > limit:
        raise OptionError("options.hot_words", f"too many words; there is room for {limit} phones")


@njit
def is_hot(hot, count, wanted):
    """Whether `wanted` stands among the first `count` of the sorted `hot`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if hot[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < count and hot[low] == wanted
