"""The inner loops of the synthesiser, compiled: waves read from tables, and the delay lines of a reverb."""

from typing import NamedTuple

import numpy as np
from numba import njit

WAVE_BITS = 14  # the places of a wave in its table
TURN_SHIFT = 32 - WAVE_BITS  # from a turn of a phase, 2^32, to a place
ONE = np.float32(1)  # a Python integer would make a sum 64 bits wide
INAUDIBLE = np.float32(1e-6)  # fading voices end here, and silent ones cost nothing


class Voicing(NamedTuple):
    """The envelope of a voice: shares of the way to its target in a frame, and the level it sustains."""

    attack: np.float32
    decay: np.float32
    release: np.float32
    sustain: np.float32


@njit(cache=True)
def add_voices(controls, phase, note, loudness, struck, turns, waves, pan, voicing, out):
    """Add the sound of controls [B, n, V, 3] to out [B, n * F, 2], and advance the voices' states [B, V].

    turns [128] are the phase increments of a sample, by note; waves [2, octaves, places] the mellow one
    and the bright one, pan [2, V]. Loudness is linear between frames.
    """
    batch, frames, voices, _ = controls.shape
    count = out.shape[1] // max(1, frames)
    mellow, bright = waves
    for b in range(batch):
        for v in range(voices):
            at, left, right = np.uint32(phase[b, v]), pan[0, v], pan[1, v]
            for n in range(frames):
                wanted_note, level, strike = controls[b, n, v]
                sounds = wanted_note > 0 and level > 0
                if sounds:
                    note[b, v] = wanted_note
                struck[b, v] = ONE if strike > 0.5 else struck[b, v] * (ONE - voicing.decay)
                target = np.float32(0)
                if sounds:
                    target = level * (voicing.sustain + (ONE - voicing.sustain) * struck[b, v])
                before = loudness[b, v]
                share = voicing.attack if target > before else voicing.release
                after = before + (target - before) * share
                if target == 0 and after < INAUDIBLE:
                    after = np.float32(0)
                loudness[b, v] = after
                number = int(note[b, v])
                turn, octave, first = np.uint32(turns[number]), number // 12, n * count
                if before == 0 and after == 0:
                    at = np.uint32(at + turn * np.uint32(count))
                    continue
                slope = (after - before) / np.float32(count)
                for i in range(count):
                    place = np.uint32(at + turn * np.uint32(i)) >> np.uint32(TURN_SHIFT)
                    loud = before + slope * np.float32(i)
                    dark, light = mellow[octave, place], bright[octave, place]
                    sound = (dark + (light - dark) * loud) * loud
                    out[b, first + i, 0] += left * sound
                    out[b, first + i, 1] += right * sound
                at = np.uint32(at + turn * np.uint32(count))
            phase[b, v] = at


@njit(cache=True)
def reverberate(x, before, delays, mixing, wet, out, after):
    """Write the sound x [B, n, 2] and the returns of four delay lines to out, the lines' new past to `after`.

    before and after [B, 4, L] are the last inputs of the lines, delays [4] their lengths, below L.
    """
    length, total = before.shape[2], x.shape[1]
    most = delays.min()
    lines = np.empty((4, length + total), np.float32)
    back = np.empty((4, most), np.float32)
    for b in range(x.shape[0]):
        lines[:, :length] = before[b]
        # Within the shortest delay no return depends on the input.
        for first in range(0, total, most):
            count = min(most, total - first)
            for k in range(4):
                source = length + first - delays[k]
                for i in range(count):
                    back[k, i] = lines[k, source + i] + lines[k, source + i - 1]
            for k in range(4):
                m0, m1, m2, m3 = mixing[k, 0], mixing[k, 1], mixing[k, 2], mixing[k, 3]
                for i in range(count):
                    mixed = m0 * back[0, i] + m1 * back[1, i] + m2 * back[2, i] + m3 * back[3, i]
                    lines[k, length + first + i] = x[b, first + i, k % 2] + mixed
            for i in range(count):
                out[b, first + i, 0] = x[b, first + i, 0] + wet * (back[0, i] + back[2, i])
                out[b, first + i, 1] = x[b, first + i, 1] + wet * (back[1, i] + back[3, i])
        after[b] = lines[:, total:]
