"""The state that the captions reader keeps of each stream: fixed-size rows of plain numbers."""

from typing import NamedTuple

import numpy as np
from numba import njit

# Columns of `counter`.
ROWS_READ, IGNORED, TOKENS, TRACES, NUM_COMMITTED, UTTERANCE = 0, 1, 2, 3, 4, 5
SILENCE, SPEAKING, HAS_SPEECH, STARTED, FIRST_ROW, PARTIALS, ENDPOINT, HOT = 6, 7, 8, 9, 10, 11, 12, 13
BEST = 14  # the last trace of the text that a partial shows
CARRIED = 15  # the context that the last utterance ended in, 0 for none
GOES_ON = 16  # the utterance is the rest of one that was cut
SENTENCES, NUMBERS = 17, 18  # how the stream's text is written
OWN = 19  # nodes of the words that only this stream knows
NUM_COUNTERS = 20
FIRST_CONTEXT = 1  # of the language model: the beginning of a sentence, word 0
# Columns of `place` and of a scratch candidate's place.
NODE, CONTEXT, TRACE, START, LAST, PHONES, WORD = 0, 1, 2, 3, 4, 5, 6
# Columns of `mass` and of a scratch candidate's mass.
BLANK, LABEL, QUALITY, WORTH, ENTERED, STRONGEST = 0, 1, 2, 3, 4, 5
# Columns of `trace` and, from WORD_OF on, of `committed`.
PREVIOUS, WORD_OF, FROM, TO = 0, 1, 2, 3
# Columns of `trace_scores`, and the first two of `committed_scores` with the mean share.
SOUND, SHARE, SHARES = 0, 1, 2
# Columns of `own`.
PHONE, ENDS = 0, 1
# Columns of `key`: the texts that are committed and that were shown last.
COMMITTED, SHOWN = 0, 1


class Hypotheses(NamedTuple):
    """Axis 0 is the stream's row everywhere. Tokens are the live beginnings of the utterance.

    A token stands on a node of the tree in a context of the language model; its two masses are the
    probabilities of having ended in a blank or in the node's phone. Its words are a chain in
    `trace`; words that all tokens share move to `committed` and never change again.
    """

    counter: np.ndarray  # int32 [rows, NUM_COUNTERS]
    key: np.ndarray  # int64 [rows, 2]
    level: np.ndarray  # float32 [rows, 1], how much was spoken lately, in rows
    place: np.ndarray  # int32 [rows, beam, 6]
    mass: np.ndarray  # float32 [rows, beam, 4]
    trace: np.ndarray  # int32 [rows, traces, 4]: previous, word, first row, last row
    trace_scores: np.ndarray  # float32 [rows, traces, 3]: mean ln p of the word's phones, the sum of
    # the shares of the beam that it had in the rows since, and how many those are
    trace_key: np.ndarray  # int64 [rows, traces], a hash of the text up to here
    committed: np.ndarray  # int32 [rows, words, 3]
    committed_scores: np.ndarray  # float32 [rows, words, 2]: mean ln p of the phones, mean share
    hot: np.ndarray  # int32 [rows, hot nodes], sorted, the first counter[HOT] count
    own: np.ndarray  # int16 [rows, hot nodes, 2], the first counter[OWN] count: phones in the order of
    # words that the lexicon lacks, and at the last one of each the word's number, else -1
    own_text: np.ndarray  # uint8 [rows, 8 * hot nodes + 8], these words, each followed by a space


def hypotheses(rows: int, beam: int, max_words: int, max_hot: int) -> Hypotheses:
    """Zeros for `rows` streams, whose rows count from 1."""
    traces = 8 * beam
    rows += 1
    return Hypotheses(
        np.zeros((rows, NUM_COUNTERS), np.int32),
        np.zeros((rows, 2), np.int64),
        np.zeros((rows, 1), np.float32),
        np.zeros((rows, beam, 6), np.int32),
        np.zeros((rows, beam, 4), np.float32),
        np.zeros((rows, traces, 4), np.int32),
        np.zeros((rows, traces, 3), np.float32),
        np.zeros((rows, traces), np.int64),
        np.zeros((rows, max_words, 3), np.int32),
        np.zeros((rows, max_words, 2), np.float32),
        np.zeros((rows, max_hot), np.int32),
        np.zeros((rows, max_hot, 2), np.int16),
        np.zeros((rows, 8 * max_hot + 8), np.uint8),
    )


@njit(cache=True)
def begin(row, hyp):
    """Start an utterance: tokens at the root, without a word.

    A pause may end a sentence or not: one token begins a sentence, another goes on with the last.
    """
    counter, place, mass = hyp.counter[row], hyp.place[row], hyp.mass[row]
    carried = counter[CARRIED]
    counter[TOKENS] = 2 if carried > FIRST_CONTEXT and place.shape[0] > 1 else 1
    counter[TRACES], counter[NUM_COMMITTED], counter[CARRIED] = 0, 0, 0
    counter[HAS_SPEECH], counter[STARTED], counter[GOES_ON] = 0, 0, 0
    hyp.key[row, COMMITTED], hyp.key[row, SHOWN] = 0, 0
    for i in range(counter[TOKENS]):
        place[i, NODE], place[i, TRACE] = 0, -1
        place[i, CONTEXT] = carried if i else FIRST_CONTEXT
        mass[i, BLANK], mass[i, LABEL], mass[i, QUALITY], mass[i, WORTH] = 1.0, 0.0, 0.0, 1.0


@njit
def commit(row, hyp, fresh, share):
    """Move the words that every token shares to `committed`, and drop the traces of dead tokens.

    `fresh` int32 [traces] and `share` float32 [traces] are scratch. A trace's previous one always
    stands before it.
    """
    counter, trace, place, mass = hyp.counter[row], hyp.trace[row], hyp.place[row], hyp.mass[row]
    scores = hyp.trace_scores[row]
    tokens, traces, total = counter[TOKENS], counter[TRACES], np.float32(0.0)
    for r in range(traces):
        fresh[r], share[r] = 0, 0.0
    for i in range(tokens):
        total += mass[i, WORTH]
        if place[i, TRACE] >= 0:
            fresh[place[i, TRACE]] += 1
            share[place[i, TRACE]] += mass[i, WORTH]
    shared = -1
    for r in range(traces - 1, -1, -1):
        if fresh[r] == tokens:
            shared = r
            break
        if fresh[r] > 0 and trace[r, PREVIOUS] >= 0:
            fresh[trace[r, PREVIOUS]] += fresh[r]
            share[trace[r, PREVIOUS]] += share[r]
    if shared >= 0:
        _append(row, shared, hyp)
    for r in range(shared + 1, traces):
        if fresh[r] > 0:
            scores[r, SHARE] += _agreeing(r, shared + 1, traces, trace, share) / total
            scores[r, SHARES] += 1.0
    kept = 0
    for r in range(shared + 1, traces):
        if fresh[r] == 0:
            continue
        previous = trace[r, PREVIOUS]
        for k in range(WORD_OF, trace.shape[1]):
            trace[kept, k] = trace[r, k]
        trace[kept, PREVIOUS] = fresh[previous] if previous > shared else -1
        for k in range(scores.shape[1]):
            scores[kept, k] = scores[r, k]
        hyp.trace_key[row, kept] = hyp.trace_key[row, r]
        fresh[r] = kept
        kept += 1
    for i in range(tokens):
        old = place[i, TRACE]
        place[i, TRACE] = fresh[old] if old > shared else -1
    counter[TRACES] = kept


@njit
def _agreeing(r, begin, end, trace, share):
    """The mass of the tokens that say the word of trace `r` where it says it, in any history."""
    total, word, first = np.float32(0.0), trace[r, WORD_OF], trace[r, FROM]
    for other in range(begin, end):
        if trace[other, WORD_OF] == word and abs(trace[other, FROM] - first) <= 3:
            total += share[other]
    return total


@njit
def _append(row, shared, hyp):
    """Append the chain that ends at trace `shared` to `committed`, oldest word first."""
    counter, trace = hyp.counter[row], hyp.trace[row]
    count, r = 0, shared
    while r >= 0:
        count += 1
        r = trace[r, PREVIOUS]
    at, r = counter[NUM_COMMITTED] + count, shared
    counter[NUM_COMMITTED] = min(at, hyp.committed.shape[1])
    while r >= 0:
        at -= 1
        if at < hyp.committed.shape[1]:
            for k in range(WORD_OF, trace.shape[1]):
                hyp.committed[row, at, k - WORD_OF] = trace[r, k]
            scores = hyp.trace_scores[row, r]
            hyp.committed_scores[row, at, SOUND] = scores[SOUND]
            hyp.committed_scores[row, at, SHARE] = (scores[SHARE] + 1.0) / (scores[SHARES] + 1.0)
        r = trace[r, PREVIOUS]
    hyp.key[row, COMMITTED] = hyp.trace_key[row, shared]


@njit
def decide_oldest(row, best, hyp):
    """Drop the tokens whose oldest open word is not the one of token `best`: a word is decided."""
    counter, place, trace = hyp.counter[row], hyp.place[row], hyp.trace[row]
    wanted = _oldest(place[best, TRACE], trace)
    kept = 0
    for i in range(counter[TOKENS]):
        if _oldest(place[i, TRACE], trace) == wanted:
            _copy(i, kept, place, hyp.mass[row])
            kept += 1
    counter[TOKENS] = kept


@njit
def decide_all(row, best, hyp, fresh, share):
    """Decide all finished words for those of token `best`; the word that is spoken now stays open."""
    counter, place = hyp.counter[row], hyp.place[row]
    wanted, kept = place[best, TRACE], 0
    for i in range(counter[TOKENS]):
        if place[i, TRACE] == wanted:
            _copy(i, kept, place, hyp.mass[row])
            kept += 1
    counter[TOKENS] = kept
    commit(row, hyp, fresh, share)


@njit(cache=True)
def go_on(row, hyp):
    """Start an utterance with the tokens that `decide_all` left: what was decided is in the last final."""
    counter = hyp.counter[row]
    counter[NUM_COMMITTED], counter[FIRST_ROW], counter[GOES_ON] = 0, counter[ROWS_READ], 1
    hyp.key[row, COMMITTED], hyp.key[row, SHOWN] = 0, 0


@njit
def _copy(i, to, place, mass):
    for k in range(place.shape[1]):
        place[to, k] = place[i, k]
    for k in range(mass.shape[1]):
        mass[to, k] = mass[i, k]


@njit
def _oldest(r, trace):
    while r >= 0 and trace[r, PREVIOUS] >= 0:
        r = trace[r, PREVIOUS]
    return r
