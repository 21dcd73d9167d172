"""What a piece begins with: a number, a text, spelled notes, or a MIDI file."""

import hashlib
import re
from dataclasses import dataclass, field
from itertools import pairwise
from os.path import isfile
from pathlib import Path

from streamer.models.music.notation import note_number
from streamer.music.midi_input import Melody, read_melody


@dataclass(frozen=True)
class Prompt:
    """A seed, and a melody that the piece begins with; None where the prompt says nothing of it."""

    seed: int | None = None
    melody: Melody = field(default_factory=Melody)


def read_prompt(text: str, steps_per_beat: int) -> Prompt:
    """The prompt that `text` is: a number is a seed, FILE.mid a melody, note names (C4 E4 R G4, a
    beat each) a melody, and any other text is hashed into a seed.

    ValueError, one line, for a file that can't be read or holds no notes.
    """
    text = text.strip()
    if not text:
        return Prompt()
    # Not Path.is_file, which refuses a text that is too long for a name.
    if Path(text).suffix.lower() in (".mid", ".midi") or isfile(text):
        return Prompt(melody=read_melody(Path(text), steps_per_beat))
    if re.fullmatch(r"-?[0-9]+", text):
        return Prompt(seed=int(text) % 2**62)
    spelled = [_spelled(word) for word in text.split()]
    if None not in spelled:
        return Prompt(melody=_beats([note for note in spelled if note is not None], steps_per_beat))
    return Prompt(seed=int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 2**62)


def _beats(notes: list[int], steps_per_beat: int) -> Melody:
    """Notes of a beat each; one that is written twice is struck twice."""
    again = [number for number, (before, note) in enumerate(pairwise(notes), 1) if before == note and note]
    return Melody(
        [note for note in notes for _ in range(steps_per_beat)],
        frozenset(steps_per_beat * number for number in again),
    )


def _spelled(word: str) -> int | None:
    """ "F#4" -> 66, "R" -> 0 (a rest), anything else None."""
    if word == "R":
        return 0
    try:
        return note_number(word)
    except ValueError as error:
        if "out of range" in str(error):
            raise
        return None
