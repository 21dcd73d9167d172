"""Keys and times: what a score writes at its beginning, read, spelled, or found in the notes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streamer.models.music.metre import metre
from streamer.models.music.notation import key_of

LINE_OF_FIFTHS = "FCGDAEB"  # F is -1, C 0
MOST_FIFTHS, MINOR_FIFTHS = 7, 3
# Notes are spelled from three fifths below a signature's own (Eb in C) to eight above (G#), or nine in minor.
FLATTEST = -3
# How well each pitch class fits to a tonic, from the tonic up (Krumhansl and Kessler 1982).
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


class Key(NamedTuple):
    """A key signature: sharps, or flats below 0, from -7 to 7."""

    fifths: int
    minor: bool

    @property
    def name(self) -> str:
        """As `key_named` reads it: "F#m"."""
        alter, letter = divmod(self.fifths + (MINOR_FIFTHS if self.minor else 0) + 1, 7)
        accidental = "#" * alter if alter > 0 else "b" * -alter
        return LINE_OF_FIFTHS[letter] + accidental + ("m" if self.minor else "")


class Time(NamedTuple):
    """A time signature, 6/8 being six eighths."""

    beats: int
    beat_type: int

    def steps(self, steps_per_beat: int) -> int | None:
        """The steps of a bar; None where they aren't a whole number. A step is a part of a quarter."""
        steps, rest = divmod(4 * self.beats * steps_per_beat, self.beat_type)
        return None if rest or not steps else steps


class Spelling(NamedTuple):
    """A note as it is written: a letter, sharps (or flats below 0), the octave."""

    letter: str
    alter: int
    octave: int


COMMON = Time(4, 4)


def key_named(name: str) -> Key:
    """ "F#m" -> three sharps, minor. ValueError for what is no key."""
    key_of(name)
    minor = name.endswith("m")
    fifths = LINE_OF_FIFTHS.index(name[0]) - 1 + 7 * (name.count("#") - name[1:].count("b"))
    fifths -= MINOR_FIFTHS if minor else 0
    return Key(_within(fifths), minor)


def key_of_notes(seconds: Sequence[float], tonic: int) -> Key:
    """The key of notes by how long each pitch class sounds [12], C first; `tonic` is that of the last bass
    note, which counts as much as all notes of its pitch class."""
    weights = np.asarray(seconds, np.float64)
    weights[tonic % 12] *= 2
    best, key = -np.inf, Key(0, False)
    for minor, profile in ((False, MAJOR_PROFILE), (True, MINOR_PROFILE)):
        standard = (np.array(profile) - np.mean(profile)) / np.std(profile)
        for pitch_class in range(12):
            fit = float(np.roll(standard, pitch_class) @ weights)  # in the order of their correlations
            if fit > best:
                fifths = pitch_class * 7 % 12 - (MINOR_FIFTHS if minor else 0)
                best, key = fit, Key((fifths + 5) % 12 - 5, minor)
    return key


def spelled(note: int, key: Key) -> Spelling:
    """How a MIDI note is written in a key: its own notes as they are, others as near to it as can be."""
    lowest = FLATTEST + key.fifths + key.minor
    place = lowest + (note * 7 - lowest) % 12
    alter, letter = divmod(place + 1, 7)
    octave = (note - alter) // 12 - 1
    return Spelling(LINE_OF_FIFTHS[letter], alter, octave)


def time_by_chords(changes: np.ndarray, onsets: np.ndarray, steps_per_beat: int) -> tuple[Time, int]:
    """The time and the steps of the upbeat of a tune whose chords change at `changes`.

    Six eighths are told from three quarters by the melody's `onsets`: they halve the bar.
    """
    bar, upbeat = metre(changes, (4 * steps_per_beat, 3 * steps_per_beat))
    if bar == 4 * steps_per_beat:
        return COMMON, upbeat
    places = np.bincount((onsets - upbeat) % bar, minlength=bar)
    half, thirds = places[bar // 2] if bar % 2 == 0 else 0, places[[bar // 3, 2 * bar // 3]]
    return Time(6, 8) if half >= thirds.max() else Time(3, 4), upbeat


def time_by_rests(standing: np.ndarray, steps_per_beat: int) -> tuple[Time, int]:
    """The time and the upbeat of a piece in several voices, where chords stand at `standing`: cadences fall
    on the first and the third beat of four, or on the first of three."""
    bar, upbeat = metre(standing, (2 * steps_per_beat, 3 * steps_per_beat))
    return COMMON if bar == 2 * steps_per_beat else Time(3, 4), upbeat


def _within(fifths: int) -> int:
    """The same key with no more than seven sharps or flats."""
    if abs(fifths) <= MOST_FIFTHS:
        return fifths
    return fifths - 12 if fifths > 0 else fifths + 12
