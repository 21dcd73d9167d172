"""Files of music: sound as it comes."""

from pathlib import Path

import numpy as np
import soundfile

SOUND = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}


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
