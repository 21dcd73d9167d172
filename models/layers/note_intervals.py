"""Scores of notes by the intervals that they make, in every key the same."""

import torch
from torch import Tensor, nn

# The tables are learned in units of this, for what is rare (parallel fifths) would be learned too slowly.
UNIT = 8.0


class Intervals(nn.Module):
    """Scores of a voice's candidates by the intervals that they would make.

    Three tables of learned numbers: by the interval to the voice's own last note; by the interval to
    each new note of the voices that chose before it; and, where a candidate would move in parallel with
    one of these, by the interval that they keep (which forbids parallel fifths). Candidates are notes:
    silence, and voices without pitches, have no intervals and score 0. `voices` are the sizes of the
    alphabets, `lowest` their lowest notes, 0 for a voice without pitches, `order` that of choosing.
    """

    def __init__(self, voices: list[int], lowest: list[int], order: list[int]):
        super().__init__()
        self.voices, self.lowest, self.order = voices, lowest, order
        highest = [low + size - 2 for size, low in zip(voices, lowest) if low]
        # Intervals lie between -span and span.
        self.span = max(highest, default=0) - min((low for low in lowest if low), default=0)
        shape = len(voices), len(voices), 2 * self.span + 1
        self.melodic = nn.Parameter(torch.zeros(len(voices), 2 * self.span + 1))
        self.harmonic = nn.Parameter(torch.zeros(shape))
        self.parallel = nn.Parameter(torch.zeros(shape))
        # Made once: a step that makes tensors of Python's numbers can't be captured on a GPU.
        for voice, size in enumerate(voices):
            earlier = self._earlier(voice)
            apart = [lowest[voice] - lowest[other] for other in earlier]
            buffers = {
                "candidates": torch.arange(1, size),
                "earlier": torch.tensor(earlier, dtype=torch.long),
                "apart": torch.tensor(apart, dtype=torch.long),
                "rows": torch.arange(len(earlier)),
            }
            for name, values in buffers.items():
                self.register_buffer(f"{name}{voice}", values, persistent=False)

    def forward(self, voice: int, before: Tensor, symbols: Tensor) -> Tensor:
        """Scores [..., K] of the candidates of `voice`; before and symbols [..., V], the last and the new."""
        if not self.lowest[voice]:
            return self.harmonic.new_zeros(*before.shape[:-1], self.voices[voice])
        candidates = self.get_buffer(f"candidates{voice}")
        own = before[..., voice, None].long()
        interval = (candidates - own + self.span).clamp(0, 2 * self.span)
        scores = UNIT * self.melodic[voice][interval] * (own > 0)
        if self._earlier(voice):
            scores = scores + self._between_voices(voice, own, before, symbols)
        return nn.functional.pad(scores, (1, 0))

    def _earlier(self, voice: int) -> list[int]:
        """The voices with pitches that choose before `voice`."""
        return [other for other in self.order[: self.order.index(voice)] if self.lowest[other]]

    def _between_voices(self, voice: int, own: Tensor, before: Tensor, symbols: Tensor) -> Tensor:
        """Scores of the candidates against the new notes of the earlier voices; `own` is the voice's last."""
        candidates, earlier, apart, rows = (
            self.get_buffer(f"{name}{voice}") for name in ("candidates", "earlier", "apart", "rows")
        )
        new, old = symbols.index_select(-1, earlier).long(), before.index_select(-1, earlier).long()
        interval = (candidates - (new - apart)[..., None] + self.span).clamp(0, 2 * self.span)
        harmonic = self.harmonic[voice].index_select(0, earlier)[rows[:, None], interval]
        harmonic = harmonic * (new > 0)[..., None]
        moved = (new != old) & (new > 0) & (old > 0) & (own > 0)
        kept = moved[..., None] & (candidates - own[..., None, :] == (new - old)[..., None])
        before_interval = (own + apart - old + self.span).clamp(0, 2 * self.span)
        parallel = self.parallel[voice].index_select(0, earlier)[rows, before_interval][..., None] * kept
        return UNIT * (harmonic + parallel).sum(-2)
