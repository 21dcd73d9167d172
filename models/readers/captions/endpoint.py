"""Speech, silence and the end of an utterance, from how sure the network is of hearing a phone."""

from typing import NamedTuple

import numpy as np
from numba import njit

from streamer.models.readers.captions import hypotheses as h
from streamer.models.readers.captions.language_model import after

# What a row may bring, in the order in which it is told; bits of one number.
SPEECH_START, PARTIAL, SPEECH_STOP, FINAL = 1, 2, 4, 8
CUT = 16  # with FINAL: in the middle of speech, whose last words go on
VOICED = 0.5  # probability of any phone that breaks a silence
FADING = 0.8  # of the level, a row


class Listening(NamedTuple):
    """When speech begins and ends; rows are output rows."""

    start_level: float  # rows of sure phones, lately, that make speech
    stop_rows: int  # of silence, until speech has stopped
    max_rows: int  # of an utterance, after which it is ended
    hurry_rows: int  # of an utterance, after which a short pause ends it
    pause_rows: int  # that short pause
    max_words: int  # of an utterance, likewise
    end_word: int  # what the language model expects at the end of a sentence
    least_end: float  # the factor of it below which speech is expected to go on
    patience: float  # how many times the silence that ends an utterance is waited for then


@njit
def listen(row, voiced, likeliest, hyp, listening):
    """Count one row with the probabilities of any phone and of the most likely one; returns the bits.

    Noise sounds a little like many phones, speech like one: so the square of the likeliest one's
    counts for speech, and the probability of any for silence.
    """
    counter, code = hyp.counter[row], 0
    level = hyp.level[row, 0] * np.float32(FADING) + likeliest * likeliest
    hyp.level[row, 0] = level
    counter[h.SILENCE] = 0 if voiced >= VOICED else counter[h.SILENCE] + 1
    silence = counter[h.SILENCE]
    if level >= listening.start_level and not counter[h.SPEAKING]:
        counter[h.SPEAKING] = 1
        code |= SPEECH_START
    if level >= listening.start_level:
        counter[h.HAS_SPEECH] = 1
    if counter[h.SPEAKING] and silence >= listening.stop_rows:
        counter[h.SPEAKING] = 0
        code |= SPEECH_STOP
    if not counter[h.STARTED]:
        return code
    if 0 < counter[h.ENDPOINT] <= silence:
        code |= FINAL
    elif _full(counter, silence, listening):
        code |= FINAL | CUT
    return code


@njit
def goes_on(row, context, hyp, grams, factors, listening):
    """Whether speech that pauses after `context` is expected to go on: a pause is not yet a full stop."""
    counter = hyp.counter[row]
    if counter[h.SILENCE] >= listening.patience * counter[h.ENDPOINT]:
        return False
    return after(context, listening.end_word, grams, factors)[0] < listening.least_end


@njit
def _full(counter, silence, listening):
    """Whether an utterance that won't end must: at a short pause if one comes in time."""
    rows = counter[h.ROWS_READ] - counter[h.FIRST_ROW]
    if rows >= listening.max_rows or counter[h.NUM_COMMITTED] >= listening.max_words:
        return True
    return rows >= listening.hurry_rows and silence >= listening.pause_rows
