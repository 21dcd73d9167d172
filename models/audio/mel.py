"""The mel filter bank of Slaney's Auditory Toolbox, as librosa computes it, without its import time."""

from math import log

import numpy as np

LINEAR_HZ_PER_MEL = 200 / 3
BREAK_HZ = 1000.0  # linear below, logarithmic above
LOG_STEP = log(6.4) / 27


def mel_filters(sample_rate_hz: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Triangular filters of equal area over the power spectrum: float32 [n_mels, n_fft//2 + 1]."""
    top_mel = _mel(sample_rate_hz / 2)
    edges_hz = np.array([_hz(m) for m in np.linspace(0.0, top_mel, n_mels + 2)])
    bins_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate_hz)
    widths = np.diff(edges_hz)[:, None]
    slopes = edges_hz[:, None] - bins_hz
    rising, falling = -slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])[:, None]
    return (np.maximum(0.0, np.minimum(rising, falling)) * area).astype(np.float32)


def _mel(hz: float) -> float:
    if hz < BREAK_HZ:
        return hz / LINEAR_HZ_PER_MEL
    return BREAK_HZ / LINEAR_HZ_PER_MEL + log(hz / BREAK_HZ) / LOG_STEP


def _hz(mel: float) -> float:
    break_mel = BREAK_HZ / LINEAR_HZ_PER_MEL
    if mel < break_mel:
        return mel * LINEAR_HZ_PER_MEL
    return BREAK_HZ * float(np.exp(LOG_STEP * (mel - break_mel)))
