"""The input of a composer, step by step: noise, what is given, and the controls in force.

One row of numbers a step and stream, laid out by `Layout`. The noise is a function of (seed,
position, voice) alone, so a piece depends neither on what else is in the batch nor on how it was cut.
"""

from dataclasses import dataclass

import numpy as np

BEATS = 48  # positions are told modulo this: a multiple of bars of 4, 6, 8, 12 and 16 steps
COUNTDOWN = 64  # steps before the end from which a composer is told how many remain
PITCH_CLASSES = 12


@dataclass(frozen=True)
class Layout:
    """Where each channel of a composer of `voices` voices stands.

    Of every voice: noise in [0, 1); given, 0 where the network chooses and else 1 + the symbol; the
    lowest and the highest MIDI note allowed, 0 for no bound. Then temperature, nucleus (the share of
    probability that is drawn from; 0 or 1: all), the position modulo `BEATS`, how many steps remain
    (1: this is the last; 0: nobody knows), and what is added to the logit of each pitch class, C first.
    """

    voices: int

    @property
    def channels(self) -> int:
        return 4 * self.voices + 4 + PITCH_CLASSES

    @property
    def noise(self) -> slice:
        return slice(0, self.voices)

    @property
    def given(self) -> slice:
        return slice(self.voices, 2 * self.voices)

    @property
    def low(self) -> slice:
        return slice(2 * self.voices, 3 * self.voices)

    @property
    def high(self) -> slice:
        return slice(3 * self.voices, 4 * self.voices)

    @property
    def temperature(self) -> int:
        return 4 * self.voices

    @property
    def nucleus(self) -> int:
        return 4 * self.voices + 1

    @property
    def beat(self) -> int:
        return 4 * self.voices + 2

    @property
    def remaining(self) -> int:
        return 4 * self.voices + 3

    @property
    def tonality(self) -> slice:
        return slice(4 * self.voices + 4, self.channels)


def noise(seed: int, start: int, count: int, voices: int) -> np.ndarray:
    """Uniform float32 [count, voices] in [0, 1) of the positions from `start` on.

    Counter-based: the finaliser of SplitMix64 (Steele 2014) over the seed, then the position, then
    the voice; each number has 24 bits, exact in float32.
    """
    positions = np.arange(start, start + count, dtype=np.uint64)
    keyed = _mixed(np.full(count, seed % 2**64, np.uint64)) + positions
    drawn = _mixed(_mixed(keyed)[:, None] + np.arange(voices, dtype=np.uint64))
    return (drawn >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def _mixed(x: np.ndarray) -> np.ndarray:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
