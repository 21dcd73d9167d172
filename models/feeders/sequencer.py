"""From notes and tempo to control frames: plain values, exact for as long as the music lasts."""

from collections.abc import Sequence

import msgspec
import numpy as np

NANO = 10**9  # parts of a control frame that time is counted in
CONTROLS = 3  # of a voice: MIDI note, level, 1 where it is struck


class Beat(msgspec.Struct):
    """Where a sequencer is: how much of a frame is owed, and the notes that sound."""

    owed: int = 0  # billionths of a frame
    notes: tuple[int, ...] = ()


class Sequencer:
    """Lays steps of notes on control frames of fixed length for a synthesiser of `places` voices.

    Law: after any number of steps at one tempo, the frames lag behind the time by less than one; a
    step's rounding is carried over in whole numbers, so that nothing drifts.
    """

    def __init__(
        self, places: int, steps_per_beat: int, frames_per_second: int, levels: Sequence[float] = ()
    ):
        self.places, self.steps_per_beat, self.frames_per_second = places, steps_per_beat, frames_per_second
        self.levels = np.ones(places, np.float32)
        self.levels[: len(levels)] = levels
        self.beat = Beat()

    def frames(self, notes: Sequence[int], tempo: float) -> np.ndarray:
        """Control frames float32 [n, 3 * places] of one step: a MIDI note for each place, 0 for silence.

        `tempo` is in beats a minute. A note is struck where its place played another one before.
        """
        step = self.frames_per_second * 60 * NANO * 1000 // (round(1000 * tempo) * self.steps_per_beat)
        count, owed = divmod(self.beat.owed + step, NANO)
        wanted = np.zeros(self.places, np.float32)
        wanted[: len(notes)] = notes
        before = np.zeros(self.places, np.float32)
        before[: len(self.beat.notes)] = self.beat.notes
        frames = np.zeros((count, self.places, CONTROLS), np.float32)
        frames[..., 0] = wanted
        frames[..., 1] = (wanted > 0) * self.levels
        frames[:1, :, 2] = (wanted > 0) & (wanted != before)
        self.beat = Beat(owed, tuple(int(note) for note in notes))
        return frames.reshape(count, -1)

    def release(self, place: int) -> None:
        """End the note of `place`: the next step strikes it, also if it is the same."""
        notes = list(self.beat.notes)
        notes[place : place + 1] = [0]
        self.beat = Beat(self.beat.owed, tuple(notes))

    def rest(self, seconds: float) -> np.ndarray:
        """Frames in which all notes fade; time goes on."""
        self.beat = Beat(self.beat.owed, ())
        return np.zeros((round(seconds * self.frames_per_second), CONTROLS * self.places), np.float32)

    def save(self) -> bytes:
        """Where the sequencer is."""
        return msgspec.msgpack.encode(self.beat)

    def restore(self, value: bytes) -> None:
        """Go on where `save` was called."""
        self.beat = msgspec.msgpack.decode(value, type=Beat)
