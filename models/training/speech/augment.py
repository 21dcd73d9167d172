"""Augmentation of log-mel frames: level, noise, channel, vocal tract, room, codec, masked bands."""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.signal import lfilter

from streamer.models.audio.features import LOG_FLOOR
from streamer.models.audio.mel import mel_filters

QUIETEST, LOUDEST = 3e-5, 3.0  # mean mel power of speech at about -45 and 0 dBFS


Augment = Callable[[np.ndarray, list[np.ndarray], np.random.Generator], np.ndarray]


def another_speaker(frames: np.ndarray, noises: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """One training row [T, n_mels], log-mel -> the same row by another voice, microphone and level.

    Clean: noise and masks slow the first updates down tenfold, so they come later.
    """
    return np.log(_recoloured(frames, random) + LOG_FLOOR)


def another_room(frames: np.ndarray, noises: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """`another_speaker`, with noise, a telephone's band and masks as well."""
    power = _recoloured(frames, random)
    if random.random() < 0.1:
        power = reverberant(power, random)
    if random.random() < 0.4:
        noise = background(len(power), power.shape[1], noises, random)
        snr_db = random.uniform(5.0, 35.0)
        power += noise * (power.mean() / (noise.mean() + 1e-12) * 10 ** (-snr_db / 10))
    if random.random() < 0.1:
        power[:, int(power.shape[1] * random.uniform(0.72, 0.85)) :] = 0.0
    if random.random() < 0.05:
        power = coded(power, random)
    return mask(np.log(power + LOG_FLOOR), random)


def _recoloured(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    power = np.exp(warp(frames, random)) - LOG_FLOOR
    np.maximum(power, 0.0, out=power)
    power *= np.exp(channel(power.shape[1], random))
    speech = power.mean() + 1e-9
    level = np.log(10) * random.uniform(-1.5, 0.6)  # -15 to +6 dB; the rest the network is spared
    return power * np.exp(np.clip(level, np.log(QUIETEST / speech), np.log(LOUDEST / speech)))


def warp(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Stretch the frequency axis by up to 12 %: another vocal tract (Jaitly 2013).

    On the mel axis that is a shift of three bands at most; more would turn vowels into others.
    """
    frames = frames.astype(np.float32)
    if random.random() < 0.25:
        return frames
    bands = frames.shape[1]
    centres_hz = _centres_hz(bands)
    at = np.interp(centres_hz * random.uniform(0.88, 1.12), centres_hz, np.arange(bands))
    low = np.minimum(at.astype(int), bands - 2)
    share = (at - low).astype(np.float32)
    return frames[:, low] * (1 - share) + frames[:, low + 1] * share


@cache
def _centres_hz(bands: int) -> np.ndarray:
    """The centre of each mel band of LogMel at 16 kHz."""
    filters = mel_filters(16000, 512, bands)
    bins_hz = np.linspace(0, 8000, filters.shape[1])
    return (filters @ bins_hz) / filters.sum(1)


def channel(bands: int, random: np.random.Generator) -> np.ndarray:
    """A microphone's response [n_mels] in nepers of power, within about 6 dB."""
    knots = random.normal(0.0, 0.7, 5)
    return np.interp(np.linspace(0, 4, bands), np.arange(5), knots).astype(np.float32)


def background(steps: int, bands: int, noises: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Noise power [steps, bands]: a recorded one, or a steady one of random colour."""
    if noises and random.random() < 0.6:
        clip = noises[random.integers(len(noises))]
        start = random.integers(len(clip))
        rows = np.arange(start, start + steps) % len(clip)
        return np.maximum(np.exp(clip[rows].astype(np.float32)) - LOG_FLOOR, 0.0)
    tilt = np.linspace(0.0, random.uniform(-6.0, 2.0), bands)
    grain = random.gamma(4.0, 0.25, (steps, bands))
    return (np.exp(tilt) * grain).astype(np.float32)


def reverberant(power: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """power [T, n_mels] as a small room would carry it: a tail that fades by 60 dB in 150 to 500 ms.

    The tail of diffuse sound adds up in power (Polack 1988); high bands fade sooner.
    """
    seconds = random.uniform(0.15, 0.5)
    tail = 10 ** (random.uniform(-14.0, -3.0) / 10)  # its power beside the direct sound's
    bands = power.shape[1]
    heard = np.empty_like(power)
    for group in np.array_split(np.arange(bands), 8):
        fade = 10 ** (-6 * 0.01 / (seconds * (1.15 - 0.4 * group[0] / bands)))
        late = lfilter([0.0, 1.0 - fade], [1.0, -fade], power[:, group], axis=0)
        heard[:, group] = power[:, group] + tail * late / fade
    return heard


def coded(power: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """power [T, n_mels] after a lossy codec: what a frame's loudest band masks is dropped or made coarse."""
    below_db = power.max(1, keepdims=True) * 10 ** (-random.uniform(25.0, 45.0) / 10)
    coarse = power * np.exp(random.normal(0.0, 0.25, power.shape)).astype(power.dtype)
    return np.where(power < below_db, 0.0, coarse).astype(power.dtype)


def mask(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """SpecAugment (Park 2019): bands and stretches of time replaced by the row's mean."""
    mean = frames.mean()
    for _ in range(2):
        width = int(random.integers(0, 11))
        start = random.integers(0, frames.shape[1] - width)
        frames[:, start : start + width] = mean
    for _ in range(max(1, len(frames) // 300)):
        width = int(random.integers(0, 14))
        start = random.integers(0, max(1, len(frames) - width))
        frames[start : start + width] = mean
    return frames
