"""Files of music: sound as it comes, and MIDI."""

from pathlib import Path

import mido
import numpy as np
import soundfile

from streamer.music.piece import Piece

TICKS = 480  # of a beat
SOUND = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
VELOCITY = 80


class SoundFile:
    """A sound file that grows chunk by chunk: stereo, 16 bits."""

    def __init__(self, path: Path, rate_hz: int):
        """ValueError for an ending that isn't one of `SOUND`."""
        kind, subtype = SOUND[path.suffix.lower()]
        self.file = soundfile.SoundFile(path, "w", rate_hz, 2, subtype, format=kind)

    def write(self, samples: np.ndarray) -> None:
        """Add float32 [n, 2]. OSError, one line, where there is no room."""
        try:
            self.file.write(samples)
        except soundfile.LibsndfileError as error:
            raise OSError(f"the sound can't be written on ({error}); is the disk full?") from None

    def close(self) -> None:
        """All is written."""
        self.file.close()


def write_midi(piece: Piece, path: Path) -> None:
    """A track for each part; each ends where the piece does, silence at its end included."""
    file = mido.MidiFile(ticks_per_beat=TICKS)
    per_step = TICKS // piece.steps_per_beat
    tempi, before = mido.MidiTrack(), 0
    for step, tempo in {0: piece.tempo, **piece.tempi}.items():
        tempi.append(
            mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo), time=(step - before) * per_step)
        )
        before = step
    file.tracks.append(tempi)
    notes = list(piece.notes())
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
