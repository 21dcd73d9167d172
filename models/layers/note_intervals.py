"""What intervals alone say for a note, in every key the same."""

import torch
from torch import Tensor, nn

# The tables are learned in units of this, for what is rare (parallel fifths) would be learned too slowly.
UNIT = 8.0


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
        # Made once: a step that makes tensors of Python's numbers can't be captured on a GPU.
        for voice, size in enumerate(voices):
            front = self._front(voice)
            apart = [lowest[voice] - lowest[other] for other in front]
            self.register_buffer(f"candidates{voice}", torch.arange(1, size), persistent=False)
            self.register_buffer(f"front{voice}", torch.tensor(front, dtype=torch.long), persistent=False)
            self.register_buffer(f"apart{voice}", torch.tensor(apart, dtype=torch.long), persistent=False)
            self.register_buffer(f"rows{voice}", torch.arange(len(front)), persistent=False)

    def forward(self, voice: int, before: Tensor, symbols: Tensor) -> Tensor:
        """Scores [..., K] of the candidates of `voice`; before and symbols [..., V], the last and the new."""
        if not self.lowest[voice]:
            return self.harmonic.new_zeros(*before.shape[:-1], self.voices[voice])
        candidates = self.get_buffer(f"candidates{voice}")
        own = before[..., voice, None].long()
        melodic = (candidates - own + self.span).clamp(0, 2 * self.span)
        scores = UNIT * self.melodic[voice][melodic] * (own > 0)
        if self._front(voice):
            scores = scores + self._together(voice, candidates, own, before, symbols)
        return nn.functional.pad(scores, (1, 0))

    def _front(self, voice: int) -> list[int]:
        """The voices with pitches that choose before `voice`."""
        return [other for other in self.order[: self.order.index(voice)] if self.lowest[other]]

    def _together(
        self, voice: int, candidates: Tensor, own: Tensor, before: Tensor, symbols: Tensor
    ) -> Tensor:
        """What the candidates make with the new notes of those in front, the voice's last being `own`."""
        front, apart, rows = (self.get_buffer(f"{name}{voice}") for name in ("front", "apart", "rows"))
        new, old = symbols.index_select(-1, front).long(), before.index_select(-1, front).long()
        between = (candidates - (new - apart)[..., None] + self.span).clamp(0, 2 * self.span)
        harmonic = self.harmonic[voice].index_select(0, front)[rows[:, None], between] * (new > 0)[..., None]
        moved = (new != old) & (new > 0) & (old > 0) & (own > 0)
        kept = moved[..., None] & (candidates - own[..., None, :] == (new - old)[..., None])
        since = (own + apart - old + self.span).clamp(0, 2 * self.span)
        parallel = self.parallel[voice].index_select(0, front)[rows, since][..., None] * kept
        return UNIT * (harmonic + parallel).sum(-2)
