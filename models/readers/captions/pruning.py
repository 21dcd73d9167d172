"""Which candidates of a row live on: the best, as many as the beam has room for."""

from typing import NamedTuple

import numpy as np
from numba import njit

from streamer.models.readers.captions import hypotheses as h

LEVELS_SHIFT, NUM_LEVELS = 19, 1024  # steps of a sixteenth of an octave


class Scratch(NamedTuple):
    """Room for the candidates of one row; empty between rows."""

    place: np.ndarray  # int32 [candidates, 7]
    mass: np.ndarray  # float32 [candidates, 6]
    value: np.ndarray  # float32 [candidates + 1]
    bits: np.ndarray  # int32 [candidates + 1], the same memory as `value`
    slot: np.ndarray  # int32 [a power of two], 1 + candidate or 0
    used: np.ndarray  # int32 [candidates]
    levels: np.ndarray  # int32 [NUM_LEVELS]
    fresh: np.ndarray  # int32 [traces]
    share: np.ndarray  # float32 [traces]


class Pruning(NamedTuple):
    """What the search may drop and what it weighs; all are factors or probabilities."""

    width: float  # below the best token
    word: float  # below the beam, for a word to be finished
    phone: float  # below which a phone isn't tried
    blank: float  # above which a row isn't searched
    blank_factor: float  # of the blank's probability: CTC has learnt to say too little
    insertion: float  # factor of every finished word
    hot: float  # factor of a hot word
    own: float  # what the language model would say of a word that only one stream knows


def new_scratch(beam: int, traces: int) -> Scratch:
    """Room for the search of `beam` tokens."""
    candidates = 16 * beam
    value = np.zeros(candidates + 1, np.float32)  # one more than there are, for a threshold
    slots = 1 << (2 * candidates - 1).bit_length()
    return Scratch(
        np.zeros((candidates, 7), np.int32),
        np.zeros((candidates, 6), np.float32),
        value,
        value.view(np.int32),
        np.zeros(slots, np.int16),
        np.zeros(candidates, np.int32),
        np.zeros(NUM_LEVELS, np.int32),
        np.zeros(traces, np.int32),
        np.zeros(traces, np.float32),
    )


@njit
def survive(row, count, hyp, pruning, scratch):
    """The best candidates become the row's tokens, scaled; finished words get their trace."""
    place, mass, trace = hyp.place[row], hyp.mass[row], hyp.trace[row]
    top = 0
    for i in range(count):
        scratch.slot[scratch.used[i]] = 0
        if scratch.value[i] > scratch.value[top]:
            top = i
    best = scratch.value[top]
    least = max(best * pruning.width, beam_floor(count, best, place.shape[0], scratch))
    scale, kept, traces = np.float32(1.0) / best, 0, hyp.counter[row, h.TRACES]
    for i in range(count):
        if scratch.value[i] < least or kept == place.shape[0]:
            continue
        if scratch.place[i, h.WORD] >= 0:
            previous, word = scratch.place[i, h.TRACE], scratch.place[i, h.WORD]
            before = hyp.trace_key[row, previous] if previous >= 0 else hyp.key[row, h.COMMITTED]
            trace[traces, h.PREVIOUS], trace[traces, h.WORD_OF] = previous, word
            trace[traces, h.FROM] = scratch.place[i, h.START]
            trace[traces, h.TO] = scratch.place[i, h.LAST]
            scores = hyp.trace_scores[row, traces]
            scores[h.SOUND] = scratch.mass[i, h.QUALITY] / scratch.place[i, h.PHONES]
            scores[h.SHARE], scores[h.SHARES] = 0.0, 0.0
            hyp.trace_key[row, traces] = before * 1000003 + word + 1
            scratch.place[i, h.TRACE] = traces
            traces += 1
        for k in range(h.WORD):
            place[kept, k] = scratch.place[i, k]
        mass[kept, h.BLANK] = scratch.mass[i, h.BLANK] * scale
        mass[kept, h.LABEL] = scratch.mass[i, h.LABEL] * scale
        mass[kept, h.QUALITY], mass[kept, h.WORTH] = scratch.mass[i, h.QUALITY], scratch.value[i] * scale
        kept += 1
    hyp.counter[row, h.TOKENS], hyp.counter[row, h.TRACES] = kept, traces


@njit
def beam_floor(count, best, beam, scratch):
    """The value below which the beam has no room for the `count` candidates, about."""
    if count <= beam:
        return np.float32(0.0)
    # The bits of a positive float32 rise with it: their differences are a logarithmic scale.
    scratch.value[count] = best
    top = scratch.bits[count]
    for level in range(NUM_LEVELS):
        scratch.levels[level] = 0
    for i in range(count):
        scratch.levels[min((top - scratch.bits[i]) >> LEVELS_SHIFT, NUM_LEVELS - 1)] += 1
    total, level = 0, 0
    while level < NUM_LEVELS and total + scratch.levels[level] <= beam:
        total += scratch.levels[level]
        level += 1
    scratch.bits[count] = top - (level << LEVELS_SHIFT)
    return scratch.value[count]
