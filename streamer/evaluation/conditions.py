"""What may lie between a speaker and a network: distance, a telephone, noise, a hum, a cheap microphone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import soxr
from scipy import signal

from streamer.errors import WrongCall
from streamer.evaluation.recordings import Recording
from streamer.evaluation.speech_sets import read_manifest

Change = Callable[[Recording], Recording]

QUIET_DBFS = -40.0  # root mean square
NOISE_SNR_DB = 10.0
HUM_SNR_DB = 10.0
CLIPPED_DB = 12.0  # that the loudest sample lies above full scale
TELEPHONE_RATE_HZ, TELEPHONE_BAND_HZ = 8000, (300.0, 3400.0)
MU = 255.0
HARMONICS = (1.0, 0.5, 0.7, 0.3, 0.4, 0.2, 0.3)  # of a mains hum: odd ones are the stronger


def condition(name: str, noises: Path | None = None) -> Change:
    """The condition `name`, one of CONDITIONS. It is the same for the same recording every time.

    `noises` is a manifest of recordings. ValueError where "noise" lacks it or another condition has it.
    """
    if name not in CONDITIONS:
        raise WrongCall(f"condition {name!r}; there are {', '.join(CONDITIONS)}")
    if (name == "noise") != (noises is not None):
        raise WrongCall("--noise MANIFEST goes with --condition noise, and that needs it")
    if noises is None:
        return SIMPLE[name]
    recorded = [noise for noise in read_manifest(noises).recordings() if _rms(noise.samples) > 0]
    return lambda recording: _amid(recording, recorded[crc32(recording.key.encode()) % len(recorded)])


def _clean(recording: Recording) -> Recording:
    return recording


def _quiet(recording: Recording) -> Recording:
    """Speech at -40 dBFS as 16-bit samples hold it."""
    gain = 10 ** (QUIET_DBFS / 20) / max(_rms(recording.samples), 1e-9)
    return replace(recording, samples=_rounded(recording.samples * gain))


def _loud(recording: Recording) -> Recording:
    """The loudest sample at full scale."""
    gain = 1 / max(_peak(recording.samples), 1e-9)
    return replace(recording, samples=_rounded(recording.samples * gain))


def _clipped(recording: Recording) -> Recording:
    """A microphone that is driven 12 dB above full scale."""
    gain = 10 ** (CLIPPED_DB / 20) / max(_peak(recording.samples), 1e-9)
    return replace(recording, samples=_rounded(recording.samples * gain))


def _telephone(recording: Recording) -> Recording:
    """300 to 3400 Hz at 8 kHz in 8-bit mu-law (G.711's curve)."""
    narrow = soxr.resample(recording.samples, recording.rate_hz, TELEPHONE_RATE_HZ)
    band = signal.butter(4, TELEPHONE_BAND_HZ, "bandpass", fs=TELEPHONE_RATE_HZ, output="sos")
    narrow = np.clip(signal.sosfilt(band, narrow), -1, 1)
    pressed = np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU)
    pressed = np.round(pressed * 127) / 127
    samples = np.sign(pressed) * np.expm1(np.abs(pressed) * np.log1p(MU)) / MU
    return replace(recording, samples=samples.astype(np.float32), rate_hz=TELEPHONE_RATE_HZ)


def _humming(mains_hz: float) -> Change:
    """A mains hum with its harmonics, 10 dB below the speech."""

    def change(recording: Recording) -> Recording:
        seconds = np.arange(len(recording.samples)) / recording.rate_hz
        harmonics = (a * np.sin(2 * np.pi * mains_hz * n * seconds) for n, a in enumerate(HARMONICS, 1))
        hum = sum(harmonics, start=np.zeros(len(seconds)))
        return replace(recording, samples=_mixed(recording.samples, hum, HUM_SNR_DB))

    return change


def _amid(recording: Recording, noise: Recording) -> Recording:
    """Noise, repeated as often as it takes, 10 dB below the speech."""
    sound = noise.at(recording.rate_hz).samples
    start = crc32(recording.key.encode()[::-1]) % len(sound)
    looped = sound[(start + np.arange(len(recording.samples))) % len(sound)]
    return replace(recording, samples=_mixed(recording.samples, looped, NOISE_SNR_DB))


def _mixed(speech: np.ndarray, other: np.ndarray, snr_db: float) -> np.ndarray:
    """`speech` with `other`, whose power lies `snr_db` below it; of a silence, the silence."""
    level = _rms(speech) / max(_rms(other), 1e-9) * 10 ** (-snr_db / 20)
    return np.clip(speech + level * other, -1, 1).astype(np.float32)


def _rounded(samples: np.ndarray) -> np.ndarray:
    """What 16-bit samples hold of it."""
    return (np.clip(np.round(32768 * samples), -32768, 32767) / 32768).astype(np.float32)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def _peak(samples: np.ndarray) -> float:
    return float(np.abs(samples).max(initial=0.0))


SIMPLE: dict[str, Change] = {
    "clean": _clean,
    "quiet": _quiet,
    "loud": _loud,
    "telephone": _telephone,
    "hum50": _humming(50.0),
    "hum60": _humming(60.0),
    "clipped": _clipped,
}
CONDITIONS = (*SIMPLE, "noise")
