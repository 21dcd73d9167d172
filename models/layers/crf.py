"""A linear-chain conditional random field: which tag may follow which, and the best path through them."""

import torch
from torch import Tensor, nn

FORBIDDEN = -1e4  # finite, so that nothing becomes NaN


class LinearChainCRF(nn.Module):
    """A linear-chain conditional random field (Lafferty 2001) over "O", then B and I of each type.

    I follows B or I of its own type alone, and no sentence begins with it: every decoded path is
    consistent. Emissions are [B, T, L]; a row counts up to its length in lengths [B], and what stands
    after it does not matter.
    """

    def __init__(self, tags: int):
        super().__init__()
        if tags < 3 or tags % 2 == 0:
            raise ValueError(f"{tags} tags; wanted O, then B and I of each type")
        self.start = nn.Parameter(torch.zeros(tags))
        self.follow = nn.Parameter(torch.zeros(tags, tags))  # [from, to]
        inside = torch.arange(2, tags, 2)
        forbidden = torch.zeros(tags, tags)
        forbidden[:, inside] = FORBIDDEN
        forbidden[inside, inside] = forbidden[inside - 1, inside] = 0
        self.forbidden: Tensor
        self.register_buffer("forbidden", forbidden, persistent=False)
        forbidden_first = torch.zeros(tags)
        forbidden_first[inside] = FORBIDDEN
        self.forbidden_first: Tensor
        self.register_buffer("forbidden_first", forbidden_first, persistent=False)

    @property
    def transitions(self) -> Tensor:
        """The score [L, L] of each tag after each other one."""
        return self.follow + self.forbidden

    def loss(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """-log p(tags [B, T]), summed over the sentences."""
        mask = _mask(emissions, lengths)
        scores = self._forward_scores(emissions, mask)
        last = scores.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, scores.shape[2]))
        emitted = emissions.gather(2, tags[..., None])[..., 0]
        followed = self.transitions[tags[:, :-1], tags[:, 1:]]
        path = torch.where(mask, emitted, 0).sum(1) + torch.where(mask[:, 1:], followed, 0).sum(1)
        path = path + (self.start + self.forbidden_first)[tags[:, 0]]
        return (last.logsumexp(-1)[:, 0] - path).sum()

    def viterbi(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The most probable path's tags [B, T] (Viterbi 1967); zero after a row's length."""
        mask, transitions = _mask(emissions, lengths), self.transitions
        score = self.start + self.forbidden_first + emissions[:, 0]
        parents: list[Tensor] = []
        for t in range(1, emissions.shape[1]):
            reached, parent = (score[:, :, None] + transitions).max(1)
            score = torch.where(mask[:, t, None], reached + emissions[:, t], score)
            parents.append(parent)
        tag = score.argmax(1)
        path = [torch.where(mask[:, -1], tag, 0)]
        for t in range(emissions.shape[1] - 1, 0, -1):
            before = parents[t - 1].gather(1, tag[:, None])[:, 0]
            tag = torch.where(mask[:, t], before, tag)
            path.append(torch.where(mask[:, t - 1], tag, 0))
        return torch.stack(path[::-1], 1)

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """log p(tag of word t) [B, T, L], whatever the other tags; zero after a row's length."""
        mask, transitions = _mask(emissions, lengths), self.transitions
        forward = self._forward_scores(emissions, mask)
        backward = [torch.zeros_like(emissions[:, 0])]
        for t in range(emissions.shape[1] - 1, 0, -1):
            reached = (transitions + (backward[-1] + emissions[:, t])[:, None]).logsumexp(2)
            backward.append(torch.where(mask[:, t, None], reached, backward[-1]))
        both = forward + torch.stack(backward[::-1], 1)
        return torch.where(mask[..., None], both.log_softmax(-1), 0)

    def _forward_scores(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """log of the summed scores of all paths that end in a tag at t [B, T, L]."""
        transitions = self.transitions
        score = self.start + self.forbidden_first + emissions[:, 0]
        scores = [score]
        for t in range(1, emissions.shape[1]):
            reached = (score[:, :, None] + transitions).logsumexp(1) + emissions[:, t]
            score = torch.where(mask[:, t, None], reached, score)
            scores.append(score)
        return torch.stack(scores, 1)


def _mask(emissions: Tensor, lengths: Tensor) -> Tensor:
    """Which steps [B, T] are within a row's length."""
    return torch.arange(emissions.shape[1], device=emissions.device) < lengths[:, None]
