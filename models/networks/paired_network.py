"""Two networks that hear one recording: one sees all of it, the other what was heard so far."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.kernels.row_alignment import aligned_rows
from streamer.models.layers.stage import Stage
from streamer.models.layers.whole import Whole


class Paired(Whole):
    """A Whole and a Stage whose log-probabilities are averaged, `share` of the weight being the Stage's.

    x [B, T, C] -> log-probabilities of every head side by side, [B, T', D], up to a constant a row. CTC
    lets a network say a phone some rows sooner or later, and the two don't agree when. So rows of the
    Stage are first moved to where they fit the Whole's, by the labels of the first of `heads` (counts of
    columns).
    """

    def __init__(self, whole: Whole, stage: Stage, heads: Sequence[int], share: float):
        """ValueError for two networks whose inputs, rates or outputs differ, or for no share in between."""
        super().__init__(whole.in_features, whole.out_features)
        if not 0.0 < share < 1.0:
            raise ValueError(f"partner.share is {share:g}; it must be between 0 and 1")
        for what in ("in_features", "out_features", "ratio"):
            if getattr(whole, what) != getattr(stage, what):
                raise ValueError(
                    f"partner.model: its network has {what} {getattr(stage, what)} "
                    f"and this one {getattr(whole, what)}; make them equal"
                )
        self.ratio = whole.ratio
        self.whole, self.stage, self.heads, self.share = whole, stage, tuple(heads), share

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        own = self._log_probabilities(self.whole(x, lengths))
        # What closes a stream closes a row too: the neutral step, whatever stands in the padding.
        after = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
        other = self._log_probabilities(self.stage(torch.where(after[..., None], self.stage.neutral, x)))
        first = self.heads[0]
        for row, count in enumerate(self.out_lengths(lengths).tolist()):
            ours, theirs = own[row, :count, :first], other[row, :count, :first]
            places = aligned_rows(ours.exp().numpy(), theirs.exp().numpy())
            own[row, :count] += self.share / (1.0 - self.share) * other[row, torch.from_numpy(places)]
        return own * (1.0 - self.share)

    def _log_probabilities(self, logits: Tensor) -> Tensor:
        return torch.cat([F.log_softmax(head, -1) for head in logits.split(self.heads, -1)], -1)
