"""Feeding outputs back: against the loop written out, and against training over shifted targets."""

import pytest
import torch

from streamer.models.layers.feedforward import Linear
from streamer.models.layers.generator import Feedback, Sampler
from streamer.models.layers.recurrent import GRU, LSTM
from streamer.models.layers.stage import Chain

K = 6


@pytest.fixture
def cell():
    torch.manual_seed(6)
    cell = Chain(GRU(K + 1, 8), Linear(8, K)).eval().requires_grad_(False)
    for weight in cell.parameters():
        weight.mul_(4)
    return cell


def inputs(noise, temperature):
    noise = noise[..., None]
    return torch.cat([noise, torch.full_like(noise, temperature), torch.ones_like(noise)], dim=-1)


def test_feedback_is_the_loop():
    torch.manual_seed(6)
    cell = Chain(LSTM(2 + 3, 4), Linear(4, 2)).requires_grad_(False)
    x = torch.randn(3, 5, 3)
    y, state = torch.zeros(3, 1, 2), cell.initial_state(3)
    outputs = []
    for t in range(5):
        y, state = cell.step(torch.cat([y, x[:, t : t + 1]], dim=-1), state)
        outputs.append(y)
    torch.testing.assert_close(Feedback(cell)(x), torch.cat(outputs, dim=1))


def test_what_is_drawn_has_the_logits_of_training(cell):
    """Teacher forcing over a drawn sequence finds the logits that it was drawn from."""
    sampler = Sampler(cell)
    x = inputs(torch.zeros(2, 12), 0.0)
    symbols = sampler(x)
    logits = sampler.logits(symbols, x[..., 2:])
    assert torch.equal(logits.argmax(-1), symbols.argmax(-1))


def test_symbols_are_drawn_by_their_probabilities(cell):
    sampler = Sampler(cell)
    count = 20_000
    noise = (torch.arange(count) + 0.5)[:, None] / count
    drawn = sampler(inputs(noise, 1.0))[:, 0].mean(0)
    logits = sampler.logits(torch.zeros(1, 1, K), torch.ones(1, 1, 1))
    torch.testing.assert_close(drawn, logits[0, 0].softmax(-1), atol=2e-4, rtol=0)


def test_temperature_zero_is_greedy_and_noise_at_the_edge_is_lawful(cell):
    sampler = Sampler(cell)
    greedy = sampler(inputs(torch.rand(1, 9), 0.0))
    assert torch.equal(greedy, sampler(inputs(torch.rand(1, 9), 0.0)))
    edge = sampler(inputs(torch.full((1, 9), 1 - 2**-24), 1.0))
    assert torch.equal(edge.sum(-1), torch.ones(1, 9))


def test_streams_with_their_own_noise_differ_and_repeat(cell):
    sampler = Sampler(cell)
    x = inputs(torch.rand(2, 30), 1.5)
    symbols = sampler(x)
    assert not torch.equal(symbols[0], symbols[1])
    assert torch.equal(symbols, sampler(x))


def test_a_cell_that_takes_less_than_it_gives_is_refused():
    with pytest.raises(ValueError, match="takes 3 features and gives 4"):
        Feedback(GRU(3, 4))
