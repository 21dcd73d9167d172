"""Truncated back-propagation through time against autograd through the unrolled network."""

import pytest
import torch

from streamer.models.layers.feedforward import Linear, Stack
from streamer.models.layers.recurrent import LSTM, RNN, TextbookGRU, plain_stack
from streamer.models.layers.stage import Chain
from streamer.models.training.tbptt import detached, jacobians, truncated

TOLERANCE = 1e-5
STAGES = {
    "rnn": lambda: Chain(RNN(3, 4), Linear(4, 2)),
    "lstm": lambda: Chain(LSTM(3, 4), Linear(4, 2)),
    "textbook gru": lambda: Chain(TextbookGRU(3, 4), Linear(4, 2)),
    "deep, by blocks": lambda: Chain(Stack(3, 2), *plain_stack("gru", 6, 4, 2).stages, Linear(4, 2)),
}


def gradients(stage, losses):
    for loss in losses:
        loss.backward(retain_graph=True)
    result = [p.grad.clone() for p in stage.parameters()]
    stage.zero_grad()
    return result


def loss_of(y, targets):
    return (y - targets).square().sum()


@pytest.fixture(params=STAGES)
def case(request):
    torch.manual_seed(3)
    stage = STAGES[request.param]()
    x = torch.randn(2, 12, 3)
    targets = torch.randn(2, int(12 * stage.ratio), 2)
    state = tuple(torch.randn_like(leaf) for leaf in stage.initial_state(2))
    return stage, x, targets, state


@pytest.mark.parametrize("every", [2, 4, 12])
def test_a_span_of_everything_is_the_whole_gradient(case, every):
    stage, x, targets, state = case
    y, _ = stage.step(x, state)
    wanted = gradients(stage, [loss_of(y, targets)])
    parts = truncated(stage, x, state, every, 12)
    result = gradients(stage, (loss_of(y, targets[:, part]) for y, part, _ in parts))
    for a, b in zip(wanted, result):
        torch.testing.assert_close(b, a, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("every,span", [(2, 2), (4, 4), (2, 4), (2, 6), (4, 8)])
def test_a_shorter_span_is_the_gradient_of_a_network_cut_there(case, every, span):
    stage, x, targets, state = case
    losses = []
    for end in range(every, 13, every):
        begin = max(0, end - span)
        before = state if begin == 0 else stage.step(x[:, :begin], state)[1]
        y, _ = stage.step(x[:, begin:end], detached(before))
        part = slice(int((end - every) * stage.ratio), int(end * stage.ratio))
        losses.append(loss_of(y[:, -int(every * stage.ratio) :], targets[:, part]))
    wanted = gradients(stage, losses)
    parts = truncated(stage, x, state, every, span)
    result = gradients(stage, (loss_of(y, targets[:, part]) for y, part, _ in parts))
    for a, b in zip(wanted, result):
        torch.testing.assert_close(b, a, atol=TOLERANCE, rtol=TOLERANCE)


def test_outputs_and_states_are_those_of_the_whole_run(case):
    stage, x, _, state = case
    y, end = stage.step(x, state)
    result = list(truncated(stage, x, state, 4, 8))
    torch.testing.assert_close(torch.cat([part for part, _, _ in result], 1), y)
    for a, b in zip(end, result[-1][2]):
        torch.testing.assert_close(b, a)
        assert not b.requires_grad


@pytest.mark.parametrize("every,span", [(0, 4), (8, 4), (3, 6)])
def test_counts_that_cannot_be(every, span):
    stage = STAGES["deep, by blocks"]()
    with pytest.raises(ValueError, match="must be multiples of block 2"):
        next(truncated(stage, torch.zeros(1, 12, 3), stage.initial_state(1), every, span))


@pytest.mark.parametrize("name", ["rnn", "lstm", "textbook gru"])
def test_the_product_of_jacobians_is_the_gradient_through_time(name):
    torch.manual_seed(4)
    stage = STAGES[name]().requires_grad_(False)
    x = torch.randn(1, 7, 3)
    state = tuple(torch.randn_like(leaf).requires_grad_() for leaf in stage.initial_state(1))
    product = torch.linalg.multi_dot(list(jacobians(stage, x, detached(state)).flip(0)))
    _, end = stage.step(x, state)
    flat = torch.cat([leaf.flatten() for leaf in end])
    for number, value in enumerate(flat):
        wanted = torch.autograd.grad(value, state, retain_graph=True)
        wanted = torch.cat([leaf.flatten() for leaf in wanted])
        torch.testing.assert_close(product[number], wanted, atol=TOLERANCE, rtol=TOLERANCE)


def test_the_jacobian_of_the_textbooks_rnn():
    """d a_t / d a_(t-1) = diag(1 - a_t^2) W_aa."""
    torch.manual_seed(5)
    stage = RNN(3, 4).requires_grad_(False)
    x = torch.randn(1, 5, 3)
    a, _ = stage.step(x, stage.initial_state(1))
    wanted = torch.diag_embed(1 - a[0].square()) @ stage.hidden_weight
    result = jacobians(stage, x, stage.initial_state(1))
    torch.testing.assert_close(result, wanted, atol=TOLERANCE, rtol=TOLERANCE)
