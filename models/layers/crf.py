"""A chain over the tags of a sentence: which tag may follow which, and the best path through them."""

import torch
from torch import Tensor, nn

FORBIDDEN = -1e4  # finite, so that nothing becomes NaN


class TagChain(nn.Module):
    """A linear-chain conditional random field (Lafferty 2001) over "O", then B and I of each type.

    I follows B or I of its own type alone, and no sentence begins with it: what is decoded is
    consistent. Emissions are [B, T, L]; a row is true to `lengths`, and what follows does not matter.
    """

    def __init__(self, tags: int):
        super().__init__()
        if tags < 3 or tags % 2 == 0:
            raise ValueError(f"{tags} tags; wanted O, then B and I of each type")
        self.start = nn.Parameter(torch.zeros(tags))
        self.follow = nn.Parameter(torch.zeros(tags, tags))  # [from, to]
        inside = torch.arange(2, tags, 2)
        barred = torch.zeros(tags, tags)
        barred[:, inside] = FORBIDDEN
        barred[inside, inside] = barred[inside - 1, inside] = 0
        self.register_buffer("barred", barred, persistent=False)
        first = torch.zeros(tags)
        first[inside] = FORBIDDEN
        self.register_buffer("barred_first", first, persistent=False)

    def loss(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """-log p(tags [B, T]), summed over the sentences."""
        true = _true(emissions, lengths)
        ahead = self._ahead(emissions, true)
        everything = ahead.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, ahead.shape[2]))
        follow = self.follow + self.barred
        emitted = emissions.gather(2, tags[..., None])[..., 0]
        followed = follow[tags[:, :-1], tags[:, 1:]]
        path = torch.where(true, emitted, 0).sum(1) + torch.where(true[:, 1:], followed, 0).sum(1)
        path = path + (self.start + self.barred_first)[tags[:, 0]]
        return (everything.logsumexp(-1)[:, 0] - path).sum()

    def best(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The likeliest path's tags [B, T] (Viterbi 1967); zero after a row's length."""
        true, follow = _true(emissions, lengths), self.follow + self.barred
        score = self.start + self.barred_first + emissions[:, 0]
        came: list[Tensor] = []
        for t in range(1, emissions.shape[1]):
            reached, before = (score[:, :, None] + follow).max(1)
            score = torch.where(true[:, t, None], reached + emissions[:, t], score)
            came.append(before)
        tag = score.argmax(1)
        path = [torch.where(true[:, -1], tag, 0)]
        for t in range(emissions.shape[1] - 1, 0, -1):
            back = came[t - 1].gather(1, tag[:, None])[:, 0]
            tag = torch.where(true[:, t], back, tag)
            path.append(torch.where(true[:, t - 1], tag, 0))
        return torch.stack(path[::-1], 1)

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """log p(tag of word t) [B, T, L], whatever the other tags; zero after a row's length."""
        true, follow = _true(emissions, lengths), self.follow + self.barred
        ahead = self._ahead(emissions, true)
        back = [torch.zeros_like(emissions[:, 0])]
        for t in range(emissions.shape[1] - 1, 0, -1):
            behind = (follow + (back[-1] + emissions[:, t])[:, None]).logsumexp(2)
            back.append(torch.where(true[:, t, None], behind, back[-1]))
        both = ahead + torch.stack(back[::-1], 1)
        return torch.where(true[..., None], both.log_softmax(-1), 0)

    def _ahead(self, emissions: Tensor, true: Tensor) -> Tensor:
        """log of the summed scores of all paths that end in a tag at t [B, T, L]."""
        follow = self.follow + self.barred
        score = self.start + self.barred_first + emissions[:, 0]
        scores = [score]
        for t in range(1, emissions.shape[1]):
            reached = (score[:, :, None] + follow).logsumexp(1) + emissions[:, t]
            score = torch.where(true[:, t, None], reached, score)
            scores.append(score)
        return torch.stack(scores, 1)


def _true(emissions: Tensor, lengths: Tensor) -> Tensor:
    """Which steps [B, T] are within a row's length."""
    return torch.arange(emissions.shape[1], device=emissions.device) < lengths[:, None]
