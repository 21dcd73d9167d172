"""What intervals alone say for a note, in every key the same."""

import torch
from torch import Tensor, nn


class Intervals(nn.Module):
    """Scores of a voice's candidates by the intervals that they would make.

    Three tables of learned numbers: by the interval to the voice's own last note; by the interval to
    each new note of the voices in front; and, where a candidate would move in parallel with one of
    these, by the interval that they keep (what forbids parallel fifths). Candidates are notes:
    silence, and voices without pitches, have no intervals and score 0.
    """

    def __init__(self, voices: list[int], lowest: list[int], order: list[int]):
        super().__init__()
        self.voices, self.lowest, self.order = voices, lowest, order
        notes = [low + size - 2 for size, low in zip(voices, lowest) if low]
        # Intervals lie between -span and span.
        self.span = max(notes, default=0) - min((low for low in lowest if low), default=0)
        shape = len(voices), len(voices), 2 * self.span + 1
        self.melodic = nn.Parameter(torch.zeros(len(voices), 2 * self.span + 1))
        self.harmonic = nn.Parameter(torch.zeros(shape))
        self.parallel = nn.Parameter(torch.zeros(shape))

    def forward(self, voice: int, before: Tensor, symbols: Tensor) -> Tensor:
        """Scores [..., K] of the candidates of `voice`; before and symbols [..., V], the last and the new."""
        if not self.lowest[voice]:
            return self.harmonic.new_zeros(*before.shape[:-1], self.voices[voice])
        candidates = torch.arange(1, self.voices[voice], device=before.device)
        own = before[..., voice, None].long()
        scores = self._looked_up(self.melodic[voice], candidates - own) * (own > 0)
        for other in self.order[: self.order.index(voice)]:
            if not self.lowest[other]:
                continue
            apart = self.lowest[voice] - self.lowest[other]
            new, old = symbols[..., other, None].long(), before[..., other, None].long()
            scores = scores + self._looked_up(self.harmonic[voice, other], candidates + apart - new) * (new > 0)
            moved = (new != old) & (new > 0) & (old > 0) & (own > 0)
            kept = moved & (candidates - own == new - old)
            scores = scores + self._looked_up(self.parallel[voice, other], own + apart - old) * kept
        return nn.functional.pad(scores, (1, 0))

    def _looked_up(self, table: Tensor, intervals: Tensor) -> Tensor:
        return table[(intervals + self.span).clamp(0, 2 * self.span)]
