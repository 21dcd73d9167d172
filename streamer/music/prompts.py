"""What a piece begins with: a number, a text, spelled notes, or a MIDI file."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import mido
from mido.midifiles.meta import KeySignatureError

from streamer.models.music.notation import note_number

Melody = list[int]  # a MIDI note for each step, 0 for silence
MOST_STEPS = 4096


@dataclass(frozen=True)
class Prompt:
    """A seed, and a melody that the piece begins with; None where the prompt says nothing of it."""

    seed: int | None = None
    melody: Melody = field(default_factory=list)


def read_prompt(text: str, steps_per_beat: int) -> Prompt:
    """The prompt that `text` is: a number is a seed, FILE.mid a melody, note names (C4 E4 R G4, a
    beat each) a melody, and any other text is hashed into a seed.

    ValueError, one line, for a file that can't be read or holds no notes.
    """
    text = text.strip()
    if not text:
        return Prompt()
    if Path(text).suffix.lower() in (".mid", ".midi") or Path(text).is_file():
        return Prompt(melody=read_melody(Path(text), steps_per_beat))
    if text.lstrip("-").isdigit():
        return Prompt(seed=int(text) % 2**62)
    spelled = [_spelled(word) for word in text.split()]
    if None not in spelled:
        return Prompt(melody=[note for note in spelled if note is not None for _ in range(steps_per_beat)])
    return Prompt(seed=int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 2**62)


def read_melody(path: Path, steps_per_beat: int) -> Melody:
    """The highest note of each step of a MIDI file, from its first note on.

    ValueError, one line, for what isn't a MIDI file, and for one without notes.
    """
    try:
        file = mido.MidiFile(path)
    except OSError as error:
        # mido says that a file is no MIDI with an OSError that has no number.
        raise ValueError(f"{path}: {error.strerror or _no_midi(path, error)}") from None
    except (ValueError, EOFError, LookupError, TypeError, KeySignatureError) as error:
        raise ValueError(f"{path}: {_no_midi(path, error)}") from None
    if not file.ticks_per_beat or file.type == 2:
        raise ValueError(f"{path}: has no common time in beats; save it as MIDI of type 0 or 1")
    per_step = file.ticks_per_beat / steps_per_beat
    melody: dict[int, int] = {}
    for start, end, note in _notes(file):
        first, last = round(start / per_step), max(round(start / per_step) + 1, round(end / per_step))
        if last > MOST_STEPS:
            raise ValueError(f"{path}: is longer than {MOST_STEPS // steps_per_beat} beats")
        for step in range(first, last):
            melody[step] = max(melody.get(step, 0), note)
    if not melody:
        raise ValueError(f"{path}: holds no notes")
    return [melody.get(step, 0) for step in range(min(melody), max(melody) + 1)]


def _no_midi(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        begins = file.read(4)
    if not begins:
        return "not a MIDI file (it is empty)"
    if begins != b"MThd":
        return "not a MIDI file (it doesn't begin with MThd)"
    if isinstance(error, EOFError):
        return "not a whole MIDI file (it ends too soon)"
    # What a LookupError says is about mido's tables.
    reason = "an event has the wrong length or value" if isinstance(error, LookupError) else str(error)
    return f"a broken MIDI file ({reason or type(error).__name__})"


def _notes(file: mido.MidiFile) -> list[tuple[int, int, int]]:
    """Notes of all tracks but drums: beginning and end in ticks, and the MIDI note."""
    notes = []
    for track in file.tracks:
        now = 0
        sounding: dict[tuple[int, int], int] = {}  # from channel and note to when it began
        for message in track:
            now += message.time
            if message.type not in ("note_on", "note_off") or message.channel == 9:
                continue
            key = message.channel, message.note
            if key in sounding:
                notes.append((sounding.pop(key), now, message.note))
            if message.type == "note_on" and message.velocity:
                sounding[key] = now
        notes += [(began, now, note) for (_, note), began in sounding.items()]
    return notes


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
