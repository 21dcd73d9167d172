"""From steps of notes to samples: the sequencer and the synthesiser, one after the other."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch

from streamer.models.audio.synthesis import FRAMES_PER_SECOND, synthesiser
from streamer.models.feeders.sequencer import Sequencer
from streamer.models.layers.stage import Stage, State

RATE_HZ = 48000
FADE_SECONDS = 0.8  # in which the last notes and the room die away
LEVELS = (1.0, 0.75, 0.75, 0.85)  # of the places, the first being the tune


class Sound:
    """The sound of one piece as it is composed, float32 [n, 2] at `rate_hz`, in (-1, 1).

    Law: how often it is asked for changes nothing; a sample is a function of the notes and tempi
    before it.
    """

    def __init__(self, places: int, steps_per_beat: int, rate_hz: int = RATE_HZ):
        self.rate_hz = rate_hz
        self.sequencer = Sequencer(places, steps_per_beat, FRAMES_PER_SECOND[rate_hz], LEVELS[:places])
        self.stage = _stage(rate_hz, places)
        self.state: State = self.stage.initial_state(1)

    def step(self, notes: Sequence[int], tempo: float, struck: bool = False) -> np.ndarray:
        """One step of the piece; the first place begins its note again where it is `struck`."""
        if struck:
            self.sequencer.release(0)
        return self._sound(self.sequencer.frames(notes, tempo))

    def hold(self, notes: Sequence[int], seconds: float) -> np.ndarray:
        """The same notes for `seconds`."""
        return self.step(notes, 60 / max(1e-3, seconds) / self.sequencer.steps_per_beat)

    def rest(self, seconds: float) -> np.ndarray:
        """What sounds on for `seconds` when no note is held."""
        return self._sound(self.sequencer.rest(seconds))

    @torch.inference_mode()
    def _sound(self, frames: np.ndarray) -> np.ndarray:
        if not len(frames):
            return np.zeros((0, 2), np.float32)
        samples, self.state = self.stage.step(torch.from_numpy(frames)[None], self.state)
        return samples[0].numpy()


@cache
def _stage(rate_hz: int, places: int) -> Stage:
    # A Stage holds tables and no state: one serves every piece.
    return synthesiser(rate_hz, places).eval()
