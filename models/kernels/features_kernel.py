"""Log-mel features for a CPU: the power in one pass over the spectrum, the filters as a chosen product."""

import torch
from torch import Tensor

from streamer.models.audio.features import LOG_FLOOR, LogMel
from streamer.models.kernels.gates import compiled
from streamer.models.kernels.products import Product
from streamer.models.layers.stage import Stage, State


class CompiledLogMel(Stage):
    """`LogMel`; `product` makes the map from power to mel bands."""

    def __init__(self, features: LogMel, product: type[Product]):
        super().__init__(features.in_features, features.out_features)
        self.block, self.ratio, self.features = features.block, features.ratio, features
        self.filters = product(features.mel.t())
        self.floor: Tensor
        self.register_buffer("floor", torch.full((features.out_features,), LOG_FLOOR), persistent=False)

    def initial_state(self, batch: int) -> State:
        return self.features.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        frames, kept = self.features.windowed(x, state)
        spectrum = torch.view_as_real(torch.fft.rfft(frames)).flatten(0, 1)
        power = x.new_empty(spectrum.shape[:2])
        squares(spectrum.numpy(), power.numpy())
        return self.filters(self.floor, power).log_().view(*frames.shape[:2], -1), kept


@compiled
def squares(spectrum, power):
    """Real and imaginary parts [N, C, 2] -> the sum of their squares [N, C]."""
    for n in range(spectrum.shape[0]):
        for k in range(spectrum.shape[1]):
            power[n, k] = spectrum[n, k, 0] ** 2 + spectrum[n, k, 1] ** 2
