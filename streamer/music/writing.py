"""Files of music: sound as it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

SOUND = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}


class SoundFile:
    """A sound file that grows chunk by chunk: stereo, 16 bits. OSError, one line, where it can't."""

    def __init__(self, path: Path, rate_hz: int):
        """`path` has one of the endings of `SOUND`."""
        kind, subtype = SOUND[path.suffix.lower()]
        with _refused():
            self.file = soundfile.SoundFile(path, "w", rate_hz, 2, subtype, format=kind)

    def write(self, samples: np.ndarray) -> None:
        """Add float32 [n, 2]."""
        with _refused():
            self.file.write(samples)

    def close(self) -> None:
        """All is written."""
        with _refused():
            self.file.close()


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise OSError(f"the sound can't be written ({error.error_string}); is the disk full?") from None
