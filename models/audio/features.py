"""Log-mel features as a Stage: audio samples in, frames out, in any chunking."""

from fractions import Fraction

import torch
from torch import Tensor

from streamer.models.audio.mel import mel_filters
from streamer.models.layers.stage import Stage, State
from streamer.models.options import Count

LOG_FLOOR = 1e-8  # below the mel power of noise at -85 dBFS; quiet speech stays above it


class LogMel(Stage):
    """Natural logarithm of the mel power spectrogram.

    x [B, n*hop_length, 1], samples in [-1, 1] -> [B, n, n_mels]. Frame t covers the samples
    (t+1)*hop - n_fft to (t+1)*hop, zeros before the start: librosa's `melspectrogram` with
    `center=False` over a signal with n_fft - hop zeros in front.
    """

    def __init__(
        self, sample_rate_hz: int = 16000, n_mels: Count = 80, n_fft: Count = 512, hop_length: Count = 160
    ):
        if n_fft < hop_length:
            raise ValueError(f"n_fft {n_fft} must be at least the hop_length {hop_length}")
        super().__init__(1, n_mels)
        self.sample_rate_hz, self.n_fft, self.hop_length = sample_rate_hz, n_fft, hop_length
        self.block, self.ratio = hop_length, Fraction(1, hop_length)
        mel = mel_filters(sample_rate_hz, n_fft, n_mels)
        self.mel: Tensor
        self.window: Tensor
        self.register_buffer("mel", torch.from_numpy(mel.T.copy()), persistent=False)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_zeros(batch, self.n_fft - self.hop_length),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        frames, kept = self.windowed(x, state)
        spectrum = torch.fft.rfft(frames)
        # A quarter of the time of `abs`, whose square root would be undone here.
        power = torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
        return torch.log(power @ self.mel + LOG_FLOOR), kept

    def windowed(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The frames [B, n, n_fft] that x completes, under the window, and the new state."""
        samples = torch.cat([state[0], x[..., 0]], dim=1)
        kept = samples[:, samples.shape[1] - (self.n_fft - self.hop_length) :]
        return samples.unfold(1, self.n_fft, self.hop_length) * self.window, (kept,)
