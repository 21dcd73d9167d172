"""From control frames to sound: voices of additive waves, a room round them, a bound on loudness."""

from fractions import Fraction

import torch
from torch import Tensor, nn

from models.stage import Chain, Stage, State

FRAMES_PER_SECOND = {44100: 180, 48000: 200}  # of control, by sample rate; whole samples in each
NOTES = 128
TURN_BITS, WAVE_BITS = 32, 14  # a turn of a phase, and the places of a wave in its table
PARTIALS = 14
VOICE_GAIN = 0.3
CACHED = 2**17  # numbers that are worked on at once
CONTROLS = 3  # of a voice: MIDI note (0: none), level in [0, 1], 1 in the frame where it is struck


def synthesiser(rate_hz: int, voices: int) -> Chain:
    """Control frames [B, n, 3 * voices] -> stereo samples [B, n * rate_hz / frames, 2] in (-1, 1)."""
    return Chain(Waves(rate_hz, voices), Room(rate_hz), Limit())


class Waves(Stage):
    """Each voice a wave of partials, in stereo; [B, n, 3 * voices] control frames -> samples, 2.

    A voice keeps its note while it fades. Phases are integers, 2^32 to the turn, so that an hour of
    music is as much in tune as its first second; partials are summed once, into tables, as many as
    the sample rate holds (one table for each octave and for two timbres: the louder, the brighter).
    Loudness is linear between frames: nothing clicks. State: of each voice its phase (int64), its
    note, its loudness, and how lately it was struck, [B, voices] each.
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
        self.voices, self.frame_samples, self.sustain = voices, rate_hz // frames, sustain
        self.ratio = Fraction(self.frame_samples)
        # The share of its way that a voice goes towards its target in one frame.
        self.attack, self.decay, self.release = (
            1 - 0.5 ** (1000 / frames / (ms / 2)) for ms in (attack_ms, decay_ms, release_ms)
        )
        hz = 440.0 * 2.0 ** ((torch.arange(NOTES, dtype=torch.float64) - 69) / 12)
        turns = (hz / rate_hz * 2**TURN_BITS).round().long()
        self.register_buffer("turns", turns, persistent=False)
        self.register_buffer("waves", _waves(hz, rate_hz), persistent=False)
        angles = torch.linspace(0.3, 0.7, voices) * torch.pi / 2 if voices > 1 else torch.tensor([torch.pi / 4])
        self.register_buffer("pan", VOICE_GAIN * torch.stack([angles.cos(), angles.sin()]), persistent=False)

    def initial_state(self, batch: int) -> State:
        nothing = self.neutral.new_zeros(batch, self.voices)
        return nothing.long(), nothing, nothing.clone(), nothing.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        phase, note, loudness, struck = state
        x = torch.nan_to_num(x).unflatten(-1, (self.voices, CONTROLS))
        asked, level = x[..., 0].round().clamp(0, NOTES - 1), x[..., 1].clamp(0, 1)
        notes, levels = [], [loudness]
        for now in range(x.shape[1]):
            sounds = (asked[:, now] > 0) & (level[:, now] > 0)
            note = torch.where(sounds, asked[:, now], note)
            struck = torch.where(x[:, now, :, 2] > 0.5, 1.0, struck * (1 - self.decay))
            wanted = level[:, now] * (self.sustain + (1 - self.sustain) * struck) * sounds
            loudness = loudness + (wanted - loudness) * torch.where(wanted > loudness, self.attack, self.release)
            notes.append(note)
            levels.append(loudness)
        played, levels, samples = torch.stack(notes, 1).long(), torch.stack(levels, 1), []
        # So many frames at once as stay in the processor's cache.
        count = max(1, CACHED // (len(x) * self.voices * self.frame_samples))
        for start in range(0, x.shape[1], count):
            end = min(start + count, x.shape[1])
            sound, phase = self._sound(played[:, start:end], levels[:, start : end + 1], phase)
            samples.append(sound)
        return torch.cat(samples, dim=1), (phase, note, loudness, struck)

    def _sound(self, notes: Tensor, levels: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
        """notes [B, n, V], levels [B, n + 1, V] at the frames' borders -> samples [B, n * F, 2], phase."""
        places = torch.arange(self.frame_samples, device=notes.device, dtype=torch.int32)
        turn = self.turns[notes]
        ends = phase[:, None] + (turn * self.frame_samples).cumsum(1)
        starts = torch.cat([phase[:, None], ends[:, :-1]], dim=1)
        # 32 bits from here on, voices in front and samples last: sums wrap as turns do.
        turn, starts, octave = (_by_voice(one) for one in (turn, starts, notes // 12 << WAVE_BITS))
        at = torch.addcmul(starts, turn, places) >> TURN_BITS - WAVE_BITS
        at = at.bitwise_and_(2**WAVE_BITS - 1).add_(octave)
        before, after = levels[:, :-1].transpose(1, 2).unsqueeze(-1), levels[:, 1:].transpose(1, 2).unsqueeze(-1)
        loudness = torch.addcmul(before, after - before, (places / self.frame_samples).to(levels))
        mellow, bright = (wave.index_select(0, at.flatten()).view(at.shape) for wave in self.waves)
        sound = torch.lerp(mellow, bright, loudness).mul_(loudness)
        left_right = torch.matmul(self.pan, sound.flatten(2))
        return left_right.transpose(1, 2), ends[:, -1] & 2**TURN_BITS - 1


class Room(Stage):
    """A little reverberation: four delay lines fed back through an orthogonal matrix (Jot 1991).

    x [B, n, 2] -> [B, n, 2], the sound itself and what comes back. A line's return is the mean of two
    neighbouring samples, so that high notes die first. State: what went into the lines, [B, 4, L].
    """

    SECONDS = (0.0297, 0.0371, 0.0411, 0.0437)

    def __init__(self, rate_hz: int, feedback: float = 0.78, wet: float = 0.22):
        super().__init__(2, 2)
        self.delays = [round(seconds * rate_hz) for seconds in self.SECONDS]
        self.wet = wet / 2
        signs = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
        # Half for the matrix to be orthogonal, half for the mean of two samples.
        self.register_buffer("mixing", feedback * signs.float() / 4, persistent=False)

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_zeros(batch, 4, max(self.delays) + 1),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (lines,), length, outputs = state, state[0].shape[-1], []
        # Within the shortest delay nothing that comes back depends on what goes in.
        for now in x.split(min(self.delays), dim=1):
            count, end = now.shape[1], lines.shape[-1]
            back = [lines[:, k, end - delay - 1 : end - delay + count] for k, delay in enumerate(self.delays)]
            back = torch.stack([one[..., 1:] + one[..., :-1] for one in back], dim=1)
            fed = now.transpose(1, 2).repeat(1, 2, 1) + torch.matmul(self.mixing, back)
            lines = torch.cat([lines, fed], dim=-1)[..., -max(length, end) :]
            outputs.append(now + self.wet * (back[:, :2] + back[:, 2:]).transpose(1, 2))
        return torch.cat(outputs, dim=1), (lines[..., -length:].clone(),)


class Limit(Stage):
    """tanh: quiet sound passes as it is, and nothing is louder than 1."""

    def __init__(self) -> None:
        super().__init__(2, 2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return torch.tanh(x), state


def _by_voice(x: Tensor) -> Tensor:
    """[B, n, V] of 64 bits -> [B, V, n, 1] of the lower 32."""
    signed = (x + 2 ** (TURN_BITS - 1) & 2**TURN_BITS - 1) - 2 ** (TURN_BITS - 1)
    return signed.to(torch.int32).transpose(1, 2).unsqueeze(-1).contiguous()


def _waves(hz: Tensor, rate_hz: int) -> Tensor:
    """One turn of each wave, [timbres, octaves * places]: mellow and bright, for each octave of notes."""
    turn = 2 * torch.pi * torch.arange(2**WAVE_BITS, dtype=torch.float64) / 2**WAVE_BITS
    numbers = torch.arange(1, PARTIALS + 1, dtype=torch.float64)
    partials = torch.sin(numbers[:, None] * turn)
    timbres = []
    for slope in (2.0, 1.2):
        octaves = []
        for octave in range(-(-NOTES // 12)):
            highest = hz[min(NOTES - 1, 12 * octave + 11)]
            heard = (numbers * highest < 0.45 * rate_hz) | (numbers == 1)
            wave = ((heard / numbers**slope)[:, None] * partials).sum(0)
            octaves.append(wave / wave.abs().max())
        timbres.append(torch.cat(octaves))
    return torch.stack(timbres).float()
