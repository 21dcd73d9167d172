"""From control frames to sound: voices of additive waves, a reverb, a limiter."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from streamer.models.audio.oscillators import WAVE_BITS, Voicing, add_voices, reverberate
from streamer.models.layers.stage import Chain, Stage, State

FRAMES_PER_SECOND = {44100: 180, 48000: 200}  # of control, by sample rate; whole samples in each
NOTES = 128
TURN_BITS = 32  # a turn of a phase
PARTIALS = 14
VOICE_GAIN = 0.3
CONTROLS = 3  # of a voice: MIDI note (0: none), level in [0, 1], 1 in the frame where it is struck


def synthesiser(rate_hz: int, voices: int) -> Chain:
    """Control frames [B, n, 3 * voices] -> stereo samples [B, n * rate_hz / frames, 2] in (-1, 1).

    It runs on the CPU alone.
    """
    return Chain(Waves(rate_hz, voices), Reverb(rate_hz), Limiter())


class Waves(Stage):
    """Each voice a wave of partials, in stereo; [B, n, 3 * voices] control frames -> samples, 2.

    A voice keeps its note while it fades. Phases are integers, 2^32 to the turn, so that an hour of
    music is as much in tune as its first second; partials are summed once, into tables, as many as
    the sample rate holds (one table for each octave and for two timbres: the louder, the brighter).
    Loudness is linear between frames: nothing clicks. State: of each voice its phase (int64), its
    note, its loudness, and how recently it was struck, [B, voices] each.
    """

    def __init__(
        self,
        rate_hz: int,
        voices: int,
        attack_ms: float = 15.0,
        decay_ms: float = 400.0,
        release_ms: float = 90.0,
        sustain: float = 0.55,
    ):
        super().__init__(CONTROLS * voices, 2)
        if rate_hz not in FRAMES_PER_SECOND:
            known = ", ".join(map(str, FRAMES_PER_SECOND))
            raise ValueError(f"{rate_hz} Hz is no rate of the synthesiser; there are {known}")
        frames = FRAMES_PER_SECOND[rate_hz]
        self.voices, self.frame_samples = voices, rate_hz // frames
        self.ratio = Fraction(self.frame_samples)
        # The share of the way to its target that a voice's loudness goes in one frame.
        shares = (1 - 0.5 ** (1000 / frames / (ms / 2)) for ms in (attack_ms, decay_ms, release_ms))
        self.voicing = Voicing(*map(np.float32, (*shares, sustain)))
        hz = 440.0 * 2.0 ** ((torch.arange(NOTES, dtype=torch.float64) - 69) / 12)
        turns = (hz / rate_hz * 2**TURN_BITS).round().long()
        self.turns: Tensor
        self.waves: Tensor
        self.pan: Tensor
        self.register_buffer("turns", turns, persistent=False)
        self.register_buffer("waves", _waves(hz, rate_hz), persistent=False)
        angles = (
            torch.linspace(0.3, 0.7, voices) * torch.pi / 2 if voices > 1 else torch.tensor([torch.pi / 4])
        )
        self.register_buffer("pan", VOICE_GAIN * torch.stack([angles.cos(), angles.sin()]), persistent=False)

    def initial_state(self, batch: int) -> State:
        zeros = self.neutral.new_zeros(batch, self.voices)
        return zeros.long(), zeros, zeros.clone(), zeros.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        # Compiled loops: a step of one frame costs no more than its share of a long one.
        x = torch.nan_to_num(x).unflatten(-1, (self.voices, CONTROLS))
        controls = torch.stack(
            [x[..., 0].round().clamp(0, NOTES - 1), x[..., 1].clamp(0, 1), x[..., 2]], dim=-1
        )
        state = tuple(leaf.clone(memory_format=torch.contiguous_format) for leaf in state)
        phase, note, loudness, struck = (leaf.numpy() for leaf in state)
        samples = np.zeros((len(x), x.shape[1] * self.frame_samples, 2), np.float32)
        add_voices(
            controls.numpy(),
            phase,
            note,
            loudness,
            struck,
            self.turns.numpy(),
            self.waves.numpy(),
            self.pan.numpy(),
            self.voicing,
            samples,
        )
        return torch.from_numpy(samples), state


class Reverb(Stage):
    """A little reverberation: four delay lines fed back through an orthogonal matrix (Jot 1991).

    x [B, n, 2] -> [B, n, 2], the sound itself and the lines' returns. A return is the mean of two
    neighbouring samples, so that high notes decay first. State: the last inputs of the lines [B, 4, L].
    """

    SECONDS = (0.0297, 0.0371, 0.0411, 0.0437)

    def __init__(self, rate_hz: int, feedback: float = 0.78, wet: float = 0.22):
        super().__init__(2, 2)
        self.delays = np.array([round(seconds * rate_hz) for seconds in self.SECONDS])
        self.wet = wet / 2
        signs = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
        # Half for the matrix to be orthogonal, half for the mean of two samples.
        self.mixing: Tensor
        self.register_buffer("mixing", feedback * signs.float() / 4, persistent=False)

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_zeros(batch, 4, max(self.delays) + 1),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        sound, after = np.empty(x.shape, np.float32), np.empty(state[0].shape, np.float32)
        past, dry = state[0].contiguous().numpy(), x.contiguous().numpy()
        reverberate(dry, past, self.delays, self.mixing.numpy(), np.float32(self.wet), sound, after)
        return torch.from_numpy(sound), (torch.from_numpy(after),)


class Limiter(Stage):
    """tanh: quiet sound hardly changes, and nothing is louder than 1."""

    def __init__(self) -> None:
        super().__init__(2, 2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return torch.tanh(x), state


def _waves(hz: Tensor, rate_hz: int) -> Tensor:
    """One turn of each wave, [timbres, octaves, places]: mellow and bright, for each octave of notes."""
    turn = 2 * torch.pi * torch.arange(2**WAVE_BITS, dtype=torch.float64) / 2**WAVE_BITS
    numbers = torch.arange(1, PARTIALS + 1, dtype=torch.float64)
    partials = torch.sin(numbers[:, None] * turn)
    timbres = []
    for slope in (2.0, 1.2):
        octaves = []
        for octave in range(-(-NOTES // 12)):
            highest = hz[min(NOTES - 1, 12 * octave + 11)]
            audible = (numbers * highest < 0.45 * rate_hz) | (numbers == 1)
            wave = ((audible / numbers**slope)[:, None] * partials).sum(0)
            octaves.append(wave / wave.abs().max())
        timbres.append(torch.stack(octaves))
    return torch.stack(timbres).float()
