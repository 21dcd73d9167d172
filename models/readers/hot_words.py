"""Hot words: what is listened for, and the nodes that lead there, helped from their first phone."""

from collections.abc import Sequence

import numpy as np
from numba import njit

from models.readers.lexicon import Lexicon


class Vocabulary:
    """Finds the words of a lexicon and the nodes of its tree that lead to them."""

    def __init__(self, lexicon: Lexicon):
        self.number = {text: i for i, text in enumerate(lexicon.spelling[: lexicon.tree.pieces])}
        self.tree = lexicon.tree

    def hot(self, phrases: Sequence[str], limit: int) -> np.ndarray:
        """int32 [n], sorted: -1 - word for every word of `phrases`, then the nodes on their way.

        ValueError "options.hot_words: ..." for a word that the lexicon lacks, or too many.
        """
        words = {word for phrase in phrases for word in phrase.lower().split()}
        for word in sorted(words):
            if word not in self.number:
                raise ValueError(f"options.hot_words: {word!r} is not in this model's lexicon")
        wanted = [self.number[word] for word in words]
        found = {-1 - word for word in wanted}
        for entry in np.flatnonzero(np.isin(self.tree.word, wanted)):
            found.update(self._way(int(entry)))
        if len(found) > limit:
            raise ValueError(f"options.hot_words: too many words; there is room for {limit} phones")
        return np.array(sorted(found), np.int32)

    def _way(self, entry: int) -> list[int]:
        """The nodes from the first phone to where `entry` of the tree's words ends."""
        # Nodes are numbered level by level, so both columns rise with the node.
        node = int(np.searchsorted(self.tree.first_word, entry, "right")) - 1
        way = []
        while node >= self.tree.child[0]:
            way.append(node)
            node = int(np.searchsorted(self.tree.child, node, "right")) - 1
        return way


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
