"""One pass over output rows: probabilities, search, commitment and endpoints, without Python."""

from functools import cache
from math import exp, log

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

from streamer.models.readers.captions import hypotheses as h
from streamer.models.readers.captions.beam import search, take_blank
from streamer.models.readers.captions.endpoint import CUT, FINAL, PARTIAL, SPEECH_START, goes_on, listen
from streamer.models.readers.captions.hypotheses import begin, commit, decide_all, decide_oldest
from streamer.models.readers.captions.language_model import last_word
from streamer.models.readers.captions.machine_code import source_stamp


@cache
def compiled_advance() -> Dispatcher:
    """`advance_rows`, compiled when it is first called and kept on the disk until a source changes."""
    stamp = source_stamp(advance_rows)

    @njit(cache=True, nogil=True)
    def advance(rows, outputs, at, codes, hyp, tree, grams, factors, pruning, listening, scratch):
        stamp  # noqa: B018 - what a function captures belongs to the key of its machine code
        advance_rows(rows, outputs, at, codes, hyp, tree, grams, factors, pruning, listening, scratch)

    return advance


@njit
def advance_rows(rows, outputs, at, codes, hyp, tree, grams, factors, pruning, listening, scratch):
    """Read outputs [B, n, phones] of the streams `rows` [B] from `at` [B] on.

    Each stream stops after the first output row that has an event, whose code `codes` [B]
    then holds (the bits of `endpoint`), or at n with code 0.
    """
    p = np.empty(outputs.shape[2], np.float32)
    logp = np.empty(outputs.shape[2], np.float32)
    for b in range(rows.shape[0]):
        codes[b] = 0
        while codes[b] == 0 and at[b] < outputs.shape[1]:
            logits = outputs[b, at[b]]
            at[b] += 1
            counter = hyp.counter[rows[b]]
            if counter[h.IGNORED] > 0:
                counter[h.IGNORED] -= 1
                continue
            voiced, likeliest = _softmax(logits, np.float32(pruning.blank_factor), p, logp)
            codes[b] = _decode(
                rows[b], voiced, likeliest, p, logp, hyp, tree, grams, factors, pruning, listening, scratch
            )


@njit
def _softmax(logits, blank_factor, p, logp):
    """Fill `p` and `logp` [phones], the blank (0) weighed by `blank_factor`.

    Returns the probabilities of any phone and of the likeliest one, before the weighing.
    """
    top, phones, likeliest = logits[0], np.float32(0.0), np.float32(0.0)
    for k in range(logits.shape[0]):
        top = max(top, logits[k])
    for k in range(logits.shape[0]):
        p[k] = exp(logits[k] - top)
        if k:
            phones += p[k]
            likeliest = max(likeliest, p[k])
    blank = p[0]
    p[0] *= blank_factor
    total = phones + p[0]
    shift = top + np.float32(log(total))
    for k in range(logits.shape[0]):
        p[k] /= total
        logp[k] = logits[k] - shift
    return phones / (phones + blank), likeliest / (phones + blank)


@njit
def _decode(row, voiced, likeliest, p, logp, hyp, tree, grams, factors, pruning, listening, scratch):
    counter = hyp.counter[row]
    now = counter[h.ROWS_READ]
    counter[h.ROWS_READ] = now + 1
    searched = np.float32(1.0) - voiced < pruning.blank
    if searched:
        if not counter[h.STARTED]:
            counter[h.STARTED], counter[h.FIRST_ROW] = 1, now
        search(row, now, p, logp, hyp, tree, grams, factors, pruning, scratch)
        commit(row, hyp, scratch.fresh, scratch.share)
        while counter[h.TRACES] > hyp.trace.shape[1] - hyp.place.shape[1]:
            decide_oldest(row, best_token(row, hyp, tree, factors, pruning), hyp)
            commit(row, hyp, scratch.fresh, scratch.share)
    else:
        take_blank(row, hyp)
    code = listen(row, voiced, likeliest, hyp, listening)
    if code & FINAL and not counter[h.HAS_SPEECH]:
        begin(row, hyp)  # a noise without speech
        return code & ~(FINAL | CUT)
    if code & FINAL:
        best = best_token(row, hyp, tree, factors, pruning)
        carried = hyp.place[row, best, h.CONTEXT]
        if not code & CUT and goes_on(row, carried, hyp, grams, factors, listening):
            code &= ~FINAL
    if code & FINAL:
        counter[h.CARRIED] = 0 if last_word(carried, grams) >= tree.pieces else carried
        if code & CUT:
            decide_all(row, best, hyp, scratch.fresh, scratch.share)
    if counter[h.PARTIALS] and counter[h.HAS_SPEECH] and (searched or code & SPEECH_START):
        best = best_token(row, hyp, tree, factors, pruning)
        trace = hyp.place[row, best, h.TRACE]
        key = hyp.trace_key[row, trace] if trace >= 0 else hyp.key[row, h.COMMITTED]
        if key != hyp.key[row, h.SHOWN]:
            hyp.key[row, h.SHOWN] = key
            counter[h.BEST] = trace
            code |= PARTIAL
    return code


@njit
def best_token(row, hyp, tree, factors, pruning):
    """The most likely token if speech ended here: at the root no further word is expected."""
    top, best = np.float32(-1.0), 0
    roots, nodes = tree.child[0], tree.phone.shape[0]
    for i in range(hyp.counter[row, h.TOKENS]):
        node = hyp.place[row, i, h.NODE]
        value = hyp.mass[row, i, h.BLANK] + hyp.mass[row, i, h.LABEL]
        if node >= roots:
            value *= factors.cost[tree.lookahead[node]] if node < nodes else np.float32(pruning.own)
        if value > top:
            top, best = value, i
    return best
