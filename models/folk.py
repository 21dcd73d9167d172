"""A tune with chords, taken out of a piano roll: the melody above, one chord symbol below."""

import numpy as np

from models.scores import LOWEST_KEY

Chord = tuple[int, ...]  # MIDI notes, rising; () is silence
LOWEST_MELODY, HIGHEST_MELODY = 53, 93


# The chords that sound for 150 steps and more below the melodies of the Nottingham tunes' training set.
CHORDS: tuple[Chord, ...] = (
    (), (36,), (41,), (43,), (43, 47, 50), (43, 47, 50, 53), (46, 50, 53), (48, 51, 55), (48, 52),
    (48, 52, 55), (48, 52, 55, 58), (50, 53, 57), (50, 54, 57), (50, 54, 57, 60), (51, 55, 58),
    (52, 55, 59), (53, 56, 60), (53, 57), (53, 57, 60), (55, 58, 62), (55, 59), (55, 59, 62),
    (55, 59, 62, 64), (55, 59, 62, 65), (56, 60, 63), (57, 60), (57, 60, 64), (57, 61, 64),
    (57, 61, 64, 67), (58, 62, 65), (60, 63), (60, 63, 67), (60, 64), (60, 64, 67), (60, 64, 67, 70),
    (62, 65), (62, 65, 69), (62, 66, 69), (62, 66, 69, 72), (64, 67, 71),
)
NUMBERS = {chord: number for number, chord in enumerate(CHORDS)}


def tune(piece: np.ndarray) -> np.ndarray:
    """The symbols [T, 2] of a roll [T, 88]: melody (0 or 1 + notes above the lowest) and chord.

    The highest note is the melody, unless all notes together are the chord that stood before.
    """
    symbols, before = np.zeros((len(piece), 2), np.int64), ()
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
    """The chord that shares most with `notes`, by the share of common notes (Jaccard 1901)."""
    wanted = set(notes)
    return max(CHORDS, key=lambda chord: len(wanted & set(chord)) / max(1, len(wanted | set(chord))))
