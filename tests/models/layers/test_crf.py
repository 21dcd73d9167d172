"""The chain over tags against all paths counted one by one."""

import itertools
from math import exp

import pytest
import torch

from streamer.models.layers.crf import LinearChainCRF

TAGS = 5  # O, B and I of two types
LENGTHS = [4, 1, 3]
TOLERANCE = 1e-4


@pytest.fixture
def chain():
    torch.manual_seed(1)
    chain = LinearChainCRF(TAGS)
    torch.nn.init.normal_(chain.start)
    torch.nn.init.normal_(chain.follow)
    return chain.requires_grad_(False)


@pytest.fixture
def emissions():
    values = torch.randn(len(LENGTHS), max(LENGTHS), TAGS, generator=torch.Generator().manual_seed(2))
    for row, length in zip(values, LENGTHS):
        row[length:] = torch.nan  # must not matter
    return values


def allowed(path) -> bool:
    return all(tag not in (2, 4) or before in (tag - 1, tag) for before, tag in zip((0, *path), path))


def paths(chain, emissions, length) -> dict[tuple, float]:
    """The score of each consistent path."""
    scores = {}
    for path in itertools.product(range(TAGS), repeat=length):
        if allowed(path):
            score = chain.start[path[0]] + sum(emissions[t, tag] for t, tag in enumerate(path))
            scores[path] = float(score + sum(chain.follow[a, b] for a, b in zip(path, path[1:])))
    return scores


def test_loss_best_path_and_marginals_are_those_of_all_paths(chain, emissions):
    lengths = torch.tensor(LENGTHS)
    best = chain.viterbi(emissions, lengths)
    marginals = chain.marginals(emissions, lengths).exp()
    losses = 0.0
    tags = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.long)
    for b, length in enumerate(LENGTHS):
        scores = paths(chain, emissions[b], length)
        total = float(torch.tensor([*scores.values()]).logsumexp(0))
        likeliest = max(scores, key=scores.get)
        assert tuple(best[b, :length].tolist()) == likeliest
        reference = list(scores)[len(scores) // 2]
        tags[b, :length] = torch.tensor(reference)
        losses += total - scores[reference]
        for t, tag in itertools.product(range(length), range(TAGS)):
            share = sum(exp(s - total) for path, s in scores.items() if path[t] == tag)
            assert float(marginals[b, t, tag]) == pytest.approx(share, abs=TOLERANCE)
    assert float(chain.loss(emissions, tags, lengths)) == pytest.approx(losses, rel=TOLERANCE)


def test_no_path_is_inconsistent_whatever_the_emissions(chain):
    emissions = torch.full((1, 6, TAGS), -5.0)
    emissions[..., 2] = emissions[:, 3:, 4] = 5.0
    path = chain.viterbi(emissions, torch.tensor([6]))[0].tolist()
    assert allowed(path)


@pytest.mark.parametrize("tags", [1, 2, 4])
def test_tags_are_o_and_pairs(tags):
    with pytest.raises(ValueError, match="wanted O, then B and I"):
        LinearChainCRF(tags)
