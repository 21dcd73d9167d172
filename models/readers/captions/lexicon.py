"""The words a captions model can say, as a prefix tree of their phones."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from streamer.models.readers.captions.tables import pack_words, read_tables, unpack_words, write_tables

KIND = "streamer lexicon 3"
# What a file keeps of a tree; the rest follows from it, because nodes are numbered level by level.
STORED = ("phone", "children", "words", "lookahead", "word", "word_high", "spelling")
JOINT = "+"
QUANTUM = 16  # a cost byte counts sixteenths of a nat


class Tree(NamedTuple):
    """A node for every beginning of a pronunciation, children side by side.

    Nodes 0 to `num_phones` are all the root, told apart by the phone that was said last (0: none),
    because CTC reads a repeated phone as new only after a blank. `phone` [nodes] is the phone that
    leads to a node; its children are `child` to `child + children`; `follow` has a bit for the
    phone of each, in their order. The words that end there are `word[first_word : first_word + words]`.
    `lookahead` [nodes] is the cost byte of the most likely word below or at the node.
    """

    phone: np.ndarray  # uint8 [nodes]
    child: np.ndarray  # uint32 [nodes]
    children: np.ndarray  # uint8 [nodes]
    first_word: np.ndarray  # uint32 [nodes]
    words: np.ndarray  # uint8 [nodes]
    lookahead: np.ndarray  # uint8 [nodes]
    follow: np.ndarray  # int64 [nodes]
    word: np.ndarray  # uint32 [entries]
    pieces: int  # words from this number on are pieces that spell a word
    joined: int  # from this number on they go on with the word that the piece before began


class Lexicon(NamedTuple):
    """`spelling[i]` is the text of word i; the language model counts the same words.

    Last come the pieces of which other words are spelled, "ko+" those that begin a word and then
    "+wal" those that go on with it.
    """

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
    phone, children = list(range(roots)), [0] * roots
    words, word = [0] * roots, []
    best = [0.0] * roots
    level = [(0, 0, 0, len(spoken))]  # node, depth, the stretch of `spoken` below it
    while level:
        following = []
        for node, depth, begin, end in level:
            at = begin
            while at < end and len(spoken[at][0]) == depth:
                word.append(spoken[at][1])
                at += 1
            words[node], eldest = at - begin, len(phone)
            best[node] = max(logp[w] for _, w in spoken[begin:end])
            while at < end:
                begin, here = at, spoken[at][0][depth]
                while at < end and spoken[at][0][depth] == here:
                    at += 1
                following.append((len(phone), depth + 1, begin, at))
                phone.append(here)
                for column in (children, words, best):
                    column.append(0)
            children[node] = len(phone) - eldest
        level = following
    for root in range(1, roots):
        children[root], best[root] = children[0], best[0]
    text = "\n".join(spelling).encode()
    columns = {
        "phone": np.array(phone, np.uint8),
        "children": np.array(children, np.uint8),
        "words": np.array(words, np.uint8),
        "lookahead": cost_bytes(np.array(best)),
        **pack_words("word", np.array(word, np.int64)),
        "spelling": np.frombuffer(text, np.uint8),
    }
    write_tables(path, KIND, columns)
    return len(phone)


def read_lexicon(path: Path, num_phones: int) -> Lexicon:
    """What `build_lexicon` wrote; ValueError for another file or other phones."""
    tables = read_tables(path, KIND, STORED)
    spelling = tuple(tables.pop("spelling").tobytes().decode().split("\n"))
    tables["word"] = word = unpack_words(tables, "word", path)
    phone, children, words = (tables[name] for name in ("phone", "children", "words"))
    roots, nodes = num_phones + 1, len(phone)
    if (
        nodes < roots
        or any(len(tables[name]) != nodes for name in ("children", "words", "lookahead"))
        or not np.array_equal(phone[:roots], np.arange(roots))
        or int(phone.max()) != num_phones
        or np.any(children[1:roots] != children[0])
        or roots + int(children[0]) + int(children[roots:].sum(dtype=np.int64)) != nodes
        or int(words.sum(dtype=np.int64)) != len(word)
        or (len(word) and int(word.max()) >= len(spelling))
    ):
        raise ValueError(f"{path}: does not fit the card's {num_phones} phones; build it again")
    child = roots + _before(children)
    child[roots:] -= num_phones * int(children[0])  # the roots share their children
    child[:roots] = roots
    eldest = np.zeros(nodes + 1, bool)
    eldest[child] = True
    if np.any((phone[roots + 1 :] <= phone[roots:-1]) & ~eldest[roots + 1 : nodes]):
        raise ValueError(f"{path}: the phones below a node don't rise; build it again")
    bits = np.append(0, np.cumsum(np.int64(1) << phone.astype(np.int64)))
    follow = bits[child + children] - bits[child]
    first_word = _before(words)
    pieces = [i for i, text in enumerate(spelling) if JOINT in text]
    joined = [i for i in pieces if spelling[i].startswith(JOINT)]
    if (
        pieces != [*range(len(spelling) - len(pieces), len(spelling))]
        or joined != pieces[len(pieces) - len(joined) :]
    ):
        raise ValueError(f"{path}: the pieces of words don't stand last; build it again")
    places = {"child": child.astype(np.uint32), "first_word": first_word.astype(np.uint32)}
    tree = Tree(
        **tables,
        **places,
        follow=follow,
        pieces=len(spelling) - len(pieces),
        joined=len(spelling) - len(joined),
    )
    return Lexicon(spelling, tree)


def _before(counts: np.ndarray) -> np.ndarray:
    """The sum of all counts before each, int64 [n]."""
    return np.cumsum(counts, dtype=np.int64) - counts
