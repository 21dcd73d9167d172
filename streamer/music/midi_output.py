"""A piece as a MIDI file."""

from math import gcd
from pathlib import Path

import mido

from streamer.music.barring import bars, signed
from streamer.music.piece import Piece
from streamer.music.signatures import Time

TICKS = 480  # of a beat, or a little fewer where steps don't divide it
VELOCITY = 80


def write_midi(piece: Piece, path: Path) -> None:
    """A track for tempi, times and keys, then one for each part; each ends where the piece does, silence
    at its end included.

    An upbeat is a bar of its own length, with a time signature of its own.
    """
    per_step, notes = TICKS // piece.steps_per_beat, list(piece.notes())
    file = mido.MidiFile(ticks_per_beat=per_step * piece.steps_per_beat)
    file.tracks.append(_signatures(signed(piece), per_step))
    for part, name in enumerate(piece.parts):
        # Ends come before beginnings: the end of a note would silence the same note that begins there.
        events = sorted(
            event
            for note in notes
            if note.part == part
            for event in ((note.start * per_step, 1, note.pitch), (note.end * per_step, 0, note.pitch))
        )
        track, now = mido.MidiTrack([mido.MetaMessage("track_name", name=name)]), 0
        for tick, on, pitch in events:
            velocity = VELOCITY if on else 0
            track.append(
                mido.Message("note_on", channel=part, note=pitch, velocity=velocity, time=tick - now)
            )
            now = tick
        track.append(mido.MetaMessage("end_of_track", time=len(piece.steps) * per_step - now))
        file.tracks.append(track)
    file.save(path)


def _signatures(piece: Piece, per_step: int) -> mido.MidiTrack:
    """Times, keys and tempi of a piece that is signed, in the order of time."""
    events: list[tuple[int, mido.MetaMessage]] = []
    before = None
    for bar in bars(piece):
        time = _time_of(bar.end, piece.steps_per_beat) if bar.is_upbeat else bar.time
        if time and time != before:
            signature = mido.MetaMessage("time_signature", numerator=time.beats, denominator=time.beat_type)
            events.append((bar.start, signature))
            before = time
    events += [(step, mido.MetaMessage("key_signature", key=key.name)) for step, key in piece.keys.items()]
    for step, tempo in {0: piece.tempo, **piece.tempi}.items():
        events.append((step, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))))
    track, now = mido.MidiTrack(), 0
    for step, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=(step - now) * per_step))
        now = step
    return track


def _time_of(steps: int, steps_per_beat: int) -> Time | None:
    """The time of one bar of `steps`; None where MIDI has none."""
    whole = 4 * steps_per_beat
    common = gcd(gcd(steps, whole), steps_per_beat)
    beats, beat_type = steps // common, whole // common
    return Time(beats, beat_type) if beat_type & (beat_type - 1) == 0 else None
