"""Cutting long recordings at silences, so that a network that wants the whole gets pieces it can hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from streamer.models.layers.stage import Stage

PIECE_S = 24.0  # a piece is at most this long
SEARCH_S = 12.0  # a cut lies in the last seconds that a piece may have
WINDOW_S = 0.3  # of the quiet that a cut goes through


@dataclass(frozen=True)
class Cutter:
    """Cuts log-mel frames at the quietest place that keeps a piece in bounds.

    All in frames: a piece has at most `longest`, a cut lies in the last `search` of those, in the
    middle of the quietest `window`, at a multiple of `align` from the start.
    """

    longest: int
    search: int
    window: int
    align: int

    def pieces(self, frames: Iterable[Tensor]) -> Iterator[tuple[int, Tensor]]:
        """Frames [m, C], chunk by chunk, to (first frame, piece [n, C]); together they are all of them.

        Where a cut lies depends on the frames alone, not on the chunks that they came in.
        """
        start, held = 0, None
        for chunk in frames:
            held = chunk if held is None else torch.cat([held, chunk])
            while len(held) > self.longest:
                cut = self._quietest(held[: self.longest])
                yield start, held[:cut]
                start, held = start + cut, held[cut:]
        if held is not None and len(held):
            yield start, held

    def _quietest(self, frames: Tensor) -> int:
        level = frames[-self.search :].double().mean(1)  # log power: a hum in one band is no loudness
        means = level.unfold(0, self.window, 1).mean(1)
        cut = len(frames) - self.search + int(means.argmin()) + self.window // 2
        return cut - cut % self.align


def cutter(frame_rate_hz: float, align: int) -> Cutter:
    """The bounds above for frames at `frame_rate_hz`, the longest piece a multiple of `align`."""
    longest = max(4, round(PIECE_S * frame_rate_hz / align)) * align
    search = min(round(SEARCH_S * frame_rate_hz), longest // 2)
    return Cutter(longest, search, max(1, min(round(WINDOW_S * frame_rate_hz), search)), align)


def frames(front: Stage, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Samples [n], block by block, to what `front` makes of them all, [m, C] at a time.

    Equal to `front.forward` of the whole, in the memory of one block.
    """
    state, early, emitted, samples = front.initial_state(1), front.warmup, 0, 0
    rest = torch.zeros(0)
    for block in blocks:
        samples += len(block)
        rest = torch.cat([rest, block])
        ready = len(rest) - len(rest) % front.block
        if not ready:
            continue
        y, state = front.step(rest[None, :ready, None], state)
        rest = rest[ready:]
        dropped = min(early, y.shape[1])
        early -= dropped
        emitted += y.shape[1] - dropped
        yield y[0, dropped:]
    # Only its length counts: a view of one zero, not the recording's size in zeros.
    closing = front.closing(torch.zeros(1).expand(1, samples, 1))
    last = torch.cat([rest[None, :, None], closing], dim=1)
    if samples and last.shape[1]:
        y, _ = front.step(last, state)
        yield y[0, early : early + front.kept(samples) - emitted]
