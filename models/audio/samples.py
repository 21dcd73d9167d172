"""Raw samples as features: the front of a network that hears the wave itself."""

from streamer.models.layers.feedforward import Stack
from streamer.models.options import Count


class Samples(Stack):
    """`hop_length` neighbouring samples side by side as one step.

    x [B, n*hop_length, 1], samples in [-1, 1] -> [B, n, hop_length].
    """

    def __init__(self, sample_rate_hz: int = 16000, hop_length: Count = 1):
        super().__init__(1, hop_length)
        self.sample_rate_hz = sample_rate_hz
