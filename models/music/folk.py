"""A tune with chords, extracted from a piano roll: the melody above, one chord symbol below."""

import numpy as np

from streamer.models.music.folk_chords import CHORDS, Chord
from streamer.models.music.scores import LOWEST_KEY

LOWEST_MELODY, HIGHEST_MELODY = 53, 93
NUMBERS = {chord: number for number, chord in enumerate(CHORDS)}


def tune(piece: np.ndarray) -> np.ndarray:
    """The symbols [T, 2] of a roll [T, 88]: melody (0 or 1 + notes above the lowest) and chord.

    The highest note is the melody, unless all notes together are the chord before it.
    """
    symbols = np.zeros((len(piece), 2), np.int64)
    before: Chord = ()
    for step, notes in enumerate(_sounding(piece)):
        melody, below = (notes[-1], notes[:-1]) if notes else (0, ())
        if notes and (notes == before or (notes in NUMBERS and below not in NUMBERS)):
            melody, below = 0, notes
        if below not in NUMBERS:
            below = _nearest(below)
        if LOWEST_MELODY <= melody <= HIGHEST_MELODY:
            symbols[step, 0] = melody - LOWEST_MELODY + 1
        symbols[step, 1] = NUMBERS[below]
        before = below
    return symbols


def _sounding(piece: np.ndarray) -> list[Chord]:
    return [tuple(int(key) + LOWEST_KEY for key in np.nonzero(step)[0]) for step in piece]


def _nearest(notes: Chord) -> Chord:
    """The chord most like `notes`, by the share of common notes (Jaccard 1901)."""
    wanted = set(notes)
    return max(CHORDS, key=lambda chord: len(wanted & set(chord)) / max(1, len(wanted | set(chord))))
