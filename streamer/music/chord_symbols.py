"""The symbols of chords, such as Am and G7."""

from collections.abc import Sequence

# From the lowest note up, in semitones: the kinds of MusicXML, and what is written after the root.
KINDS = {
    (0, 4): ("major", ""),
    (0, 3): ("minor", "m"),
    (0, 7): ("power", "5"),
    (0, 4, 7): ("major", ""),
    (0, 3, 7): ("minor", "m"),
    (0, 3, 6): ("diminished", "dim"),
    (0, 4, 8): ("augmented", "aug"),
    (0, 4, 7, 9): ("major-sixth", "6"),
    (0, 4, 7, 10): ("dominant", "7"),
    (0, 4, 7, 11): ("major-seventh", "maj7"),
    (0, 3, 7, 10): ("minor-seventh", "m7"),
}


def kind_of(notes: Sequence[int]) -> tuple[str, str] | None:
    """The kind of a chord of rising MIDI notes over its root and how it is written; None where it has no
    symbol."""
    apart = {(note - notes[0]) % 12 for note in notes} if notes else set()
    return KINDS.get(tuple(sorted(apart)))
