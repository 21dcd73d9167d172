"""A finished piece with the sounds of a SoundFont, played by the fluidsynth that is installed here."""

import shutil
import subprocess
import tempfile
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np

from streamer.music.midi_output import write_midi
from streamer.music.piece import Piece
from streamer.music.sound import RATE_HZ
from streamer.music.writing import SoundFile

PROGRAM = "fluidsynth"
# No MIDI input, no shell; raw samples, because a WAV ends at 4 GB, and float32, because how loud the
# instruments of a file are is not known before they have played.
RENDERING = ["-n", "-i", "-q", "-r", str(RATE_HZ), "-T", "raw", "-O", "float"]
PEAK = 0.7
BLOCK_SAMPLES = 1 << 16


class SoundFont:
    """A file of instruments; each part of a piece is played with its first one (program 0)."""

    def __init__(self, path: Path):
        """OSError or ValueError, one line: no file, no SoundFont, or no fluidsynth."""
        with path.open("rb") as file:
            head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"sfbk":
            raise ValueError(f"{path}: not a SoundFont; wanted a .sf2 file, which begins with RIFF and sfbk")
        program = shutil.which(PROGRAM)
        if program is None:
            raise ValueError(
                f"{PROGRAM} is not installed; --soundfont needs it, and without --soundfont nothing does"
            )
        self.path, self.program = path, program

    def render(self, piece: Piece, hold_seconds: float, seconds: float, output: Path) -> None:
        """Write `seconds` of sound: the piece, its last notes held, and what sounds on.

        OSError, one line, where fluidsynth can't.
        """
        # Beside the output, where room for it is expected; a temporary folder of the system may be small.
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.stem}.") as folder:
            midi, raw = Path(folder, "piece.mid"), Path(folder, "piece.raw")
            write_midi(_lengthened(piece, hold_seconds, seconds), midi)
            # Absolute: a name that begins with - would be an option.
            command = [
                self.program,
                *RENDERING,
                "-F",
                str(raw.absolute()),
                str(self.path.absolute()),
                str(midi.absolute()),
            ]
            ended = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
            if (complaint := _complaint(ended)) or not raw.is_file() or not raw.stat().st_size:
                raise OSError(f"{PROGRAM} can't play with {self.path}: {complaint or 'no sound came out'}")
            _written(np.memmap(raw, "<f4", "r"), round(seconds * RATE_HZ), output)


def _lengthened(piece: Piece, hold_seconds: float, seconds: float) -> Piece:
    per_step = 60 / (piece.last_tempo * piece.steps_per_beat)
    held = [piece.steps[-1]] * round(hold_seconds / per_step)
    rest = max(0, ceil((seconds - piece.seconds) / per_step) - len(held))
    return replace(piece, steps=[*piece.steps, *held, *[(0,) * sum(piece.widths)] * rest])


def _complaint(ended: subprocess.CompletedProcess) -> str:
    """What went wrong, "" for nothing: fluidsynth exits with 0 where it couldn't read a SoundFont."""
    lines = ended.stderr.decode(errors="replace").splitlines()
    errors = [line.partition("error: ")[2] for line in lines if line.startswith(f"{PROGRAM}: error: ")]
    if errors or not ended.returncode:
        return "; ".join(errors[:1])
    return next((line for line in reversed(lines) if line.strip()), f"exit status {ended.returncode}")


def _written(samples: np.ndarray, wanted: int, output: Path) -> None:
    """Just `wanted` samples of the interleaved `samples`, silence where there are fewer."""
    stereo = samples[: len(samples) // 2 * 2].reshape(-1, 2)[:wanted]
    blocks = range(0, wanted, BLOCK_SAMPLES)
    peak = max(
        (float(np.abs(stereo[at : at + BLOCK_SAMPLES]).max(initial=0.0)) for at in blocks), default=0.0
    )
    file = SoundFile(output, RATE_HZ)
    try:
        for at in blocks:
            block = np.zeros((min(BLOCK_SAMPLES, wanted - at), 2), np.float32)
            played = stereo[at : at + BLOCK_SAMPLES]
            block[: len(played)] = played * (PEAK / peak if peak else 0.0)
            file.write(block)
    finally:
        file.close()
