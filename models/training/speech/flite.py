"""Speech read by flite (Debian: `flite`): four American men and women, and voices made of theirs.

Source: Black and Lenzo, "Flite: a small fast run-time synthesis engine" (2001); its licence is BSD-like.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soxr

from streamer.models.datasets.corpus import SAMPLE_RATE_HZ
from streamer.models.datasets.shards import PHONES
from streamer.models.training.speech.voice import Synthesiser, VoiceFactors
from streamer.sound.sound_file import read_mono

VOICES_HZ = {"awb": 130.0, "rms": 95.0, "slt": 170.0, "kal16": 100.0}  # and the pitch that each has
PAUSE, SCHWA = "pau", "ax"


def reader() -> Synthesiser | None:
    """What reads a sentence in a voice: samples [n] float32 at 16 kHz and its phones. None without flite."""
    program = shutil.which("flite")
    return _Flite(program) if program else None


class _Flite:
    def __init__(self, program: str):
        self.program = program

    def __call__(self, sentence: str, voice: VoiceFactors, random: np.random.Generator):
        name = random.choice(list(VOICES_HZ))
        # Played faster, a voice has a shorter vocal tract and a higher pitch; the two are asked for apart.
        asked = {
            "duration_stretch": voice.formants / voice.pace,
            "int_f0_target_mean": VOICES_HZ[name] * voice.pitch / voice.formants,
            "int_f0_target_stddev": 14.0 * voice.melody,
        }
        options = [word for key, value in asked.items() for word in ("--setf", f"{key}={value:.3f}")]
        with tempfile.TemporaryDirectory() as folder:
            sound = Path(folder) / "read.wav"
            process = subprocess.run(
                [self.program, "-voice", name, *options, "-ps", "-t", sentence, "-o", str(sound)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            phones = phones_of(process.stdout)
            if process.returncode or not phones or not sound.exists():
                return None
            samples, rate = read_mono(sound)
        return soxr.resample(samples, rate * voice.formants, SAMPLE_RATE_HZ).astype(np.float32), phones


def phones_of(printed: str) -> list[str] | None:
    """ARPAbet phones of what flite prints, or None where one of them is unknown."""
    signs = [sign for sign in re.split(r"\s+", printed.strip()) if sign and sign != PAUSE]
    phones = ["AH" if sign == SCHWA else sign.upper() for sign in signs]
    return phones if phones and all(phone in PHONES for phone in phones) else None
