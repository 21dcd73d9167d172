"""Beam search of CTC outputs through the lexicon tree, one output row at a time.

Prefix beam search (Hannun 2014, "First-pass large vocabulary continuous speech recognition using
bi-directional recurrent DNNs") over a tree of words with unigram look-ahead (Ortmanns 1996).
Masses are probabilities, scaled so that the best token's is one, and everything the language model
says is a factor by its byte: the search takes no logarithm.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from models.readers import hypotheses as h
from models.readers.hot_words import is_hot
from models.readers.language_model import after

LEVELS_SHIFT, NUM_LEVELS = 19, 1024  # steps of a sixteenth of an octave


class Scratch(NamedTuple):
    """Room for the candidates of one row; empty between rows."""

    place: np.ndarray  # int32 [candidates, 7]
    mass: np.ndarray  # float32 [candidates, 5]
    value: np.ndarray  # float32 [candidates]
    bits: np.ndarray  # int32 [candidates], the same memory as `value`
    slot: np.ndarray  # int32 [a power of two], 1 + candidate or 0
    used: np.ndarray  # int32 [candidates]
    levels: np.ndarray  # int32 [NUM_LEVELS]
    fresh: np.ndarray  # int32 [traces]


class Pruning(NamedTuple):
    """What the search may drop; all are factors or probabilities."""

    width: float  # below the best token
    phone: float  # below which a phone isn't tried
    insertion: float  # factor of every finished word
    hot: float  # factor of a hot word


def scratch(beam: int, traces: int) -> Scratch:
    """Room for the search of `beam` tokens."""
    candidates = 16 * beam
    value = np.zeros(candidates, np.float32)
    slots = 1 << (4 * candidates - 1).bit_length()
    return Scratch(
        np.zeros((candidates, 7), np.int32),
        np.zeros((candidates, 5), np.float32),
        value,
        value.view(np.int32),
        np.zeros(slots, np.int32),
        np.zeros(candidates, np.int32),
        np.zeros(NUM_LEVELS, np.int32),
        np.zeros(traces, np.int32),
    )


@njit(cache=True)
def settle(row, hyp):
    """A row that is all but surely blank: every token waits for a phone anew."""
    for i in range(hyp.counter[row, h.TOKENS]):
        hyp.mass[row, i, h.BLANK] += hyp.mass[row, i, h.LABEL]
        hyp.mass[row, i, h.LABEL] = 0.0


@njit(cache=True)
def search(row, now, p, logp, hyp, tree, grams, factors, pruning, room):
    """Take the output row number `now` with phone probabilities `p` [phones] into the tokens."""
    place, mass, hot = hyp.place[row], hyp.mass[row], hyp.hot[row]
    tokens, num_hot = hyp.counter[row, h.TOKENS], hyp.counter[row, h.HOT]
    roots, count = p.shape[0], 0
    best = np.float32(0.0)
    for i in range(tokens):
        node = place[i, h.NODE]
        phone = tree.phone[node]
        count = _stay(i, count, place, mass, p[0], p[phone] if phone else np.float32(0.0), room)
        total = room.mass[count - 1, h.BLANK] + room.mass[count - 1, h.LABEL]
        best = max(best, total * _ahead(node, hot, num_hot, tree, factors, pruning))
    for i in range(tokens):
        node = place[i, h.NODE]
        context, said = place[i, h.CONTEXT], tree.phone[node]
        total = mass[i, h.BLANK] + mass[i, h.LABEL]
        if total * _ahead(node, hot, num_hot, tree, factors, pruning) < best * pruning.width:
            continue
        first = tree.child[node]
        for child in range(first, first + tree.children[node]):
            phone = tree.phone[child]
            if p[phone] < pruning.phone:
                continue
            # A phone said twice needs a blank between.
            entered = (mass[i, h.BLANK] if phone == said else total) * p[phone]
            value = entered * _ahead(child, hot, num_hot, tree, factors, pruning)
            if value < best * pruning.width:
                continue
            best = max(best, value)
            j = _candidate(child, context, count, room)
            if j < 0:
                continue
            count = max(count, j + 1)
            room.mass[j, h.LABEL] += entered
            room.mass[j, h.ENTERED] += entered
            if entered > room.mass[j, h.STRONGEST]:
                room.mass[j, h.STRONGEST] = entered
                begins = node < roots
                room.place[j, h.TRACE], room.place[j, h.LAST] = place[i, h.TRACE], now
                room.place[j, h.START] = now if begins else place[i, h.START]
                room.place[j, h.PHONES] = 1 if begins else place[i, h.PHONES] + 1
                room.mass[j, h.QUALITY] = logp[phone] + (0.0 if begins else mass[i, h.QUALITY])
    for i in range(count):
        node = room.place[i, h.NODE]
        if tree.words[node] == 0 or room.mass[i, h.ENTERED] == 0.0:
            continue
        count = _end_word(i, count, best, hyp, row, tree, grams, factors, pruning, room)
    for i in range(count):
        total = room.mass[i, h.BLANK] + room.mass[i, h.LABEL]
        node = room.place[i, h.NODE]
        room.value[i] = total * _ahead(node, hot, num_hot, tree, factors, pruning)
    _survive(row, count, hyp, pruning, room)


@njit(cache=True)
def _ahead(node, hot, num_hot, tree, factors, pruning):
    """What the likeliest word below a node will cost, hot words helped on their way."""
    factor = factors.cost[tree.lookahead[node]]
    if num_hot > 0 and is_hot(hot, num_hot, node):
        return factor * np.float32(pruning.hot)
    return factor


@njit(cache=True)
def _stay(i, count, place, mass, blank, again, room):
    """Candidate `count` is token `i` after a blank or after its phone once more."""
    j = _candidate(place[i, h.NODE], place[i, h.CONTEXT], count, room)
    room.place[j, :6] = place[i]
    room.mass[j, h.BLANK] = (mass[i, h.BLANK] + mass[i, h.LABEL]) * blank
    room.mass[j, h.LABEL] = mass[i, h.LABEL] * again
    room.mass[j, h.QUALITY] = mass[i, h.QUALITY]
    room.mass[j, h.STRONGEST] = room.mass[j, h.BLANK] + room.mass[j, h.LABEL]
    return count + 1


@njit(cache=True)
def _end_word(i, count, best, hyp, row, tree, grams, factors, pruning, room):
    """Let every word that ends at candidate `i` begin at the root again."""
    node, context = room.place[i, h.NODE], room.place[i, h.CONTEXT]
    root = tree.phone[node]
    first = tree.first_word[node]
    for entry in range(first, first + tree.words[node]):
        word = np.int64(tree.word[entry])
        factor, following = after(context, word, grams, factors)
        entered = room.mass[i, h.ENTERED] * factor * np.float32(pruning.insertion)
        if hyp.counter[row, h.HOT] > 0 and is_hot(hyp.hot[row], hyp.counter[row, h.HOT], -1 - word):
            entered *= np.float32(pruning.hot)
        if entered * factors.cost[tree.lookahead[0]] < best * pruning.width:
            continue
        j = _candidate(root, following, count, room)
        if j < 0:
            continue
        count = max(count, j + 1)
        room.mass[j, h.LABEL] += entered
        if entered > room.mass[j, h.STRONGEST]:
            room.mass[j, h.STRONGEST] = entered
            room.place[j, h.TRACE : h.WORD] = room.place[i, h.TRACE : h.WORD]
            room.place[j, h.WORD] = word
            room.mass[j, h.QUALITY] = room.mass[i, h.QUALITY]
    return count


@njit(cache=True)
def _candidate(node, context, count, room):
    """The candidate of (node, context); number `count` if it is new, -1 if there is no room."""
    mask = room.slot.shape[0] - 1
    mixed = np.int64(node) * 0x9E3779B1 + np.int64(context) * 0x85EBCA77
    at = (mixed ^ (mixed >> 17)) & mask
    while room.slot[at] > 0:
        j = room.slot[at] - 1
        if room.place[j, h.NODE] == node and room.place[j, h.CONTEXT] == context:
            return j
        at = (at + 1) & mask
    if count == room.used.shape[0]:
        return -1
    room.slot[at], room.used[count] = count + 1, at
    room.place[count, h.NODE], room.place[count, h.CONTEXT] = node, context
    room.place[count, h.WORD] = -1
    room.mass[count] = 0.0
    return count


@njit(cache=True)
def _survive(row, count, hyp, pruning, room):
    """The best candidates become the row's tokens, scaled; finished words get their trace."""
    place, mass, trace = hyp.place[row], hyp.mass[row], hyp.trace[row]
    top = 0
    for i in range(count):
        room.slot[room.used[i]] = 0
        if room.value[i] > room.value[top]:
            top = i
    best = room.value[top]
    least = _level_kept(count, top, place.shape[0], room)
    scale, kept, traces = np.float32(1.0) / best, 0, hyp.counter[row, h.TRACES]
    for i in range(count):
        if room.value[i] < best * pruning.width or kept == place.shape[0]:
            continue
        if (room.bits[top] - room.bits[i]) >> LEVELS_SHIFT > least:
            continue
        if room.place[i, h.WORD] >= 0:
            previous, word = room.place[i, h.TRACE], room.place[i, h.WORD]
            before = hyp.trace_key[row, previous] if previous >= 0 else hyp.key[row, h.COMMITTED]
            trace[traces, h.PREVIOUS], trace[traces, h.WORD_OF] = previous, word
            trace[traces, h.FROM] = room.place[i, h.START]
            trace[traces, h.TO] = room.place[i, h.LAST]
            hyp.trace_quality[row, traces] = room.mass[i, h.QUALITY] / room.place[i, h.PHONES]
            hyp.trace_key[row, traces] = before * 1000003 + word + 1
            room.place[i, h.TRACE] = traces
            traces += 1
        place[kept] = room.place[i, :6]
        mass[kept, h.BLANK] = room.mass[i, h.BLANK] * scale
        mass[kept, h.LABEL] = room.mass[i, h.LABEL] * scale
        mass[kept, h.QUALITY] = room.mass[i, h.QUALITY]
        kept += 1
    hyp.counter[row, h.TOKENS], hyp.counter[row, h.TRACES] = kept, traces


@njit(cache=True)
def _level_kept(count, top, beam, room):
    """The lowest level below the best candidate, in steps of its bits, that the beam has room for."""
    if count <= beam:
        return NUM_LEVELS
    room.levels[:] = 0
    for i in range(count):
        room.levels[min((room.bits[top] - room.bits[i]) >> LEVELS_SHIFT, NUM_LEVELS - 1)] += 1
    total = 0
    for level in range(NUM_LEVELS):
        total += room.levels[level]
        if total > beam:
            return level
    return NUM_LEVELS
