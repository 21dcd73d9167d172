"""Sample rates made equal: a polyphase windowed-sinc filter as a Stage."""

from fractions import Fraction
from math import ceil, lcm

import torch
from torch import Tensor

from streamer.models.layers.stage import Stage, State

RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
ZERO_CROSSINGS = 64  # of the sinc on each side, counted at the lower of the two rates
OUTPUTS_PER_BLOCK = 32  # at least
STOPBAND_DB = 90.0
KAISER_BETA = 0.1102 * (STOPBAND_DB - 8.7)  # Kaiser 1974, as in Oppenheim & Schafer 7.5.3


class Resample(Stage):
    """Samples at `from_hz` to samples at `to_hz`, by a Kaiser-windowed sinc in polyphase form.

    x [B, n*down, 1] -> [B, n*up, 1] where up / down = to_hz / from_hz: `up` filters slide over the
    samples in strides of `down`, one product for a block. Output m stands for the instant
    m / to_hz exactly; the half of the filter that lies after it is the lookahead.
    The warm-up is a multiple of `align` outputs, so that the blocks of a stage that follows begin
    at the stream's first sample. State: the samples [B, context] that later filters still reach.
    """

    def __init__(self, from_hz: int, to_hz: int, align: int = 1):
        for rate in (from_hz, to_hz):
            if rate not in RATES_HZ:
                supported = ", ".join(str(r) for r in RATES_HZ)
                raise ValueError(f"{rate} Hz is not a supported sample rate; use one of {supported}")
        super().__init__(1, 1)
        self.ratio = Fraction(to_hz, from_hz)
        # Several periods of the ratio in one block, where one would be too short for a good product.
        periods = ceil(OUTPUTS_PER_BLOCK / self.ratio.numerator)
        up, down = self.ratio.numerator * periods, self.ratio.denominator * periods
        self.block = down
        # The transition band ends at the lower Nyquist frequency, so that nothing folds back.
        lower_hz = min(from_hz, to_hz)
        reach = ceil(ZERO_CROSSINGS * from_hz / lower_hz)  # input samples on each side
        unit = lcm(down, (align / self.ratio).numerator)
        self.lookahead = ceil(reach / unit) * unit
        transition = (STOPBAND_DB - 7.95) / (14.36 * 2 * reach)  # cycles per input sample
        cutoff = 0.5 * lower_hz / from_hz - transition / 2
        filters = _filters(up, down, reach, cutoff)
        self.filters: Tensor
        self.register_buffer("filters", filters, persistent=False)
        # From the oldest sample that a block's first filter reaches to the block before this one.
        self.context = reach + self.lookahead

    def initial_state(self, batch: int) -> State:
        return (self.neutral.new_zeros(batch, self.context),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        samples = torch.cat([state[0], x[..., 0]], dim=1)
        width = self.filters.shape[1]
        reached = samples[:, : x.shape[1] - self.block + width]
        y = reached.unfold(1, width, self.block) @ self.filters.T
        return y.reshape(x.shape[0], -1, 1), (samples[:, x.shape[1] :],)


def _filters(up: int, down: int, reach: int, cutoff: float) -> Tensor:
    """Filters [up, width] of one block; output p stands for column reach + p * down / up."""
    width = 2 * reach + ceil((up - 1) * down / up)  # the window is zero at its ends
    instants = reach + torch.arange(up, dtype=torch.float64)[:, None] * down / up
    distance = torch.arange(width, dtype=torch.float64) - instants
    within = (1 - (distance / reach).square()).clamp(min=0).sqrt()
    window = torch.special.i0(KAISER_BETA * within) / torch.special.i0(
        torch.tensor(KAISER_BETA, dtype=torch.float64)
    )
    window = torch.where(distance.abs() < reach, window, 0.0)
    taps = 2 * cutoff * torch.sinc(2 * cutoff * distance) * window
    return (taps / taps.sum(1, keepdim=True)).float()
