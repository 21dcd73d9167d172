"""The words a captions model can say, as a prefix tree of their phones."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.readers.tables import read_tables, write_tables

KIND = "streamer lexicon 1"
QUANTUM = 16  # a cost byte counts sixteenths of a nat


class Tree(NamedTuple):
    """A node for every beginning of a pronunciation, children side by side.

    Nodes 0 to `num_phones` are all the root, told apart by the phone that was said last (0: none),
    because CTC reads a repeated phone as new only after a blank. `phone` [nodes] is the phone that
    leads to a node; its children are `child` to `child + children`; `follow` has a bit for the
    phone of each, in their order. The words that end there are `word[first_word : first_word + words]`. `lookahead` [nodes] is the cost byte of the most
    likely word below or at the node.
    """

    phone: np.ndarray  # uint8 [nodes]
    child: np.ndarray  # uint32 [nodes]
    children: np.ndarray  # uint8 [nodes]
    first_word: np.ndarray  # uint32 [nodes]
    words: np.ndarray  # uint8 [nodes]
    lookahead: np.ndarray  # uint8 [nodes]
    follow: np.ndarray  # int64 [nodes]
    word: np.ndarray  # uint16 [entries]


class Lexicon(NamedTuple):
    """`spelling[i]` is the text of word i; the language model counts the same words."""

    spelling: tuple[str, ...]
    tree: Tree


def cost_bytes(logp: np.ndarray, highest: float = 0.0) -> np.ndarray:
    """Natural logarithms as bytes: sixteenths of a nat below `highest`, 255 at most."""
    return np.clip(np.round((highest - logp) * QUANTUM), 0, 255).astype(np.uint8)


def build_lexicon(
    path: Path,
    spelling: Sequence[str],
    pronunciations: Iterable[tuple[int, tuple[int, ...]]],
    logp: np.ndarray,
    num_phones: int,
) -> int:
    """Write the tree of (word, its phones) pairs; returns the number of its nodes.

    `logp` [words] are natural logarithms of unigram probabilities, for the look-ahead.
    """
    spoken: list[tuple[tuple[int, ...], int]] = sorted({(p, w) for w, p in pronunciations})
    roots = num_phones + 1
    phone, child, children = list(range(roots)), [0] * roots, [0] * roots
    first_word, words, word = [0] * roots, [0] * roots, []
    best, follow = [0.0] * roots, [0] * roots
    level = [(0, 0, 0, len(spoken))]  # node, depth, the stretch of `spoken` below it
    while level:
        following = []
        for node, depth, begin, end in level:
            at, first_word[node] = begin, len(word)
            while at < end and len(spoken[at][0]) == depth:
                word.append(spoken[at][1])
                at += 1
            words[node], child[node] = at - begin, len(phone)
            best[node] = max(logp[w] for _, w in spoken[begin:end])
            while at < end:
                begin, here = at, spoken[at][0][depth]
                while at < end and spoken[at][0][depth] == here:
                    at += 1
                following.append((len(phone), depth + 1, begin, at))
                phone.append(here)
                for column in (child, children, first_word, words, best, follow):
                    column.append(0)
            children[node] = len(phone) - child[node]
            follow[node] = sum(1 << p for p in phone[child[node] :])
        level = following
    for root in range(1, roots):
        child[root], children[root] = child[0], children[0]
        best[root], follow[root] = best[0], follow[0]
    text = "\n".join(spelling).encode()
    write_tables(
        path,
        KIND,
        {
            "phone": np.array(phone, np.uint8),
            "child": np.array(child, np.uint32),
            "children": np.array(children, np.uint8),
            "first_word": np.array(first_word, np.uint32),
            "words": np.array(words, np.uint8),
            "lookahead": cost_bytes(np.array(best)),
            "follow": np.array(follow, np.int64),
            "word": np.array(word, np.uint16),
            "spelling": np.frombuffer(text, np.uint8),
        },
    )
    return len(phone)


def read_lexicon(path: Path, num_phones: int) -> Lexicon:
    """What `build_lexicon` wrote; ValueError for another file or other phones."""
    tables = read_tables(path, KIND, (*Tree._fields, "spelling"))
    spelling = tuple(tables.pop("spelling").tobytes().decode().split("\n"))
    tree = Tree(**tables)
    nodes = len(tree.phone)
    columns = tree._asdict().items()
    if any(len(column) != nodes for name, column in columns if name != "word"):
        raise ValueError(f"{path}: tables of unequal length; build it anew")
    if (
        nodes <= num_phones
        or int(tree.phone.max()) != num_phones
        or int((tree.child + tree.children.astype(np.int64)).max()) > nodes
        or int((tree.first_word + tree.words.astype(np.int64)).max()) > len(tree.word)
        or int(tree.word.max()) >= len(spelling)
        or np.any(_ones(tree.follow) != tree.children)
    ):
        raise ValueError(f"{path}: does not fit the card's {num_phones} phones; build it anew")
    return Lexicon(spelling, tree)


def _ones(bits: np.ndarray) -> np.ndarray:
    """How many bits of each number of int64 [n] are set."""
    return np.unpackbits(bits.view(np.uint8)).reshape(len(bits), 64).sum(axis=1)
