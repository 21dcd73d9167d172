"""Notes by name and by number, and the alphabets that composers choose from. No numpy, no torch."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from streamer.models.card import Card
from streamer.models.music.folk_chords import CHORDS

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LETTERS = dict(C=0, D=2, E=4, F=5, G=7, A=9, B=11)
ACCIDENTALS = {"#": 1, "b": -1, "": 0}
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10, 11)  # minor with its leading note


def note_name(note: int) -> str:
    """60 -> "C4"; sharps only."""
    return f"{NAMES[note % 12]}{note // 12 - 1}"


def note_number(name: str) -> int:
    """ "C4" -> 60, with # or b after the letter. ValueError for what isn't a MIDI note."""
    match = re.fullmatch(r"([A-Ga-g])([#b]?)(-?\d{1,2})", name)
    if match is None:
        raise ValueError(f"{name!r} is no note; write a letter, # or b, and the octave, such as F#4")
    letter, accidental, octave = match.groups()
    note = LETTERS[letter.upper()] + ACCIDENTALS[accidental] + 12 * (int(octave) + 1)
    if not 0 <= note <= 127:
        raise ValueError(f"{name} is out of range; notes go from C-1 to G9")
    return note


def key_of(name: str) -> tuple[int, tuple[int, ...]]:
    """ "G" or "Em" -> the tonic's pitch class, and the pitch classes of its scale. ValueError else."""
    match = re.fullmatch(r"([A-G])([#b]?)(m?)", name)
    if match is None:
        raise ValueError(f"{name!r} is no key; write a letter, # or b, and m for minor, such as Bb or F#m")
    letter, accidental, minor = match.groups()
    tonic = (LETTERS[letter] + ACCIDENTALS[accidental]) % 12
    return tonic, tuple(sorted((tonic + step) % 12 for step in (MINOR if minor else MAJOR)))


@dataclass(frozen=True)
class Voice:
    """A voice of a composer: symbol 0 is silence, symbol k the note lowest + k - 1 of `count` notes.

    A voice of chords has `lowest` 0, and its symbols are those of `CHORDS`.
    """

    name: str
    lowest: int
    count: int

    def notes(self, symbol: int) -> tuple[int, ...]:
        """The MIDI notes that sound."""
        if not self.lowest:
            return CHORDS[symbol]
        return (self.lowest + symbol - 1,) if symbol else ()

    def symbol(self, note: int) -> int:
        """The symbol of a MIDI note, 0 for silence. ValueError for a note that the voice doesn't have."""
        if not note:
            return 0
        if not self.lowest:
            raise ValueError(f"{self.name} takes no notes: its chords are chosen")
        if not self.lowest <= note < self.lowest + self.count:
            lowest, highest = note_name(self.lowest), note_name(self.lowest + self.count - 1)
            raise ValueError(
                f"{note_name(note)} is out of range; {self.name} goes from {lowest} to {highest}"
            )
        return note - self.lowest + 1

    @property
    def width(self) -> int:
        """How many notes may sound together."""
        return 1 if self.lowest else max(map(len, CHORDS))


def voices_of(card: Card) -> tuple[Voice, ...]:
    """The voices of a composer, as its card names and sizes them. ValueError if it is none."""
    options = card.network.options
    if card.network.architecture != "composer":
        raise ValueError(f"{card.name} is no composer; it is {card.network.architecture}")
    sizes = zip(card.labels, options["lowest"], options["voices"])
    return tuple(Voice(name, lowest, size - 1) for name, lowest, size in sizes)


def sounding(voices: Sequence[Voice], symbols: Sequence[int]) -> tuple[int, ...]:
    """The MIDI notes of one step, each voice in as many places as it is wide, 0 where nothing sounds."""
    notes: list[int] = []
    for voice, symbol in zip(voices, symbols):
        own = voice.notes(int(symbol))
        notes += [*own, *[0] * (voice.width - len(own))]
    return tuple(notes)
