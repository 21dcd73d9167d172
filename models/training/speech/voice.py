"""Whom a synthesiser is asked to sound like."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class VoiceFactors(NamedTuple):
    """Factors of the pitch, of the pitch's movement, of the formants, and of the pace."""

    pitch: float
    melody: float
    formants: float
    pace: float


# A sentence, a voice and a generator -> samples [n] float32 at 16 kHz and the phones that were said,
# or None where the sentence can't be read.
Synthesiser = Callable[[str, VoiceFactors, np.random.Generator], tuple[np.ndarray, list[str]] | None]


def another_voice(random: np.random.Generator) -> VoiceFactors:
    """A man, a woman or a child; the pitch and the length of the vocal tract go together, loosely."""
    tract = random.uniform(-1.0, 1.0)
    pitch = 2.0 ** (0.75 * tract - 0.15 + random.normal(0.0, 0.15))
    return VoiceFactors(
        pitch,
        random.uniform(0.5, 1.5),
        1.0 + 0.13 * tract + random.normal(0.0, 0.02),
        random.uniform(0.8, 1.35),
    )
