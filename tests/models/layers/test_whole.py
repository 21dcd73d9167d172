"""Bidirectional networks: a forward and a reversed run, and nothing from the padding."""

import pytest
import torch
from torch import nn

from streamer.models.layers.convolution import LookaheadConvolution
from streamer.models.layers.recurrent import CELLS
from streamer.models.layers.stage import Chain
from streamer.models.layers.whole import Bidirectional, BidirectionalStack
from streamer.models.networks.acoustic import SILENCE, AcousticBidirectional

TOLERANCE = 1e-5


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(2)


@pytest.mark.parametrize("cell", CELLS)
def test_it_equals_a_forward_and_a_reversed_run(cell):
    network = Bidirectional(CELLS[cell](3, 4), CELLS[cell](3, 5, 2))
    lengths = torch.tensor([7, 4, 1])
    x = torch.randn(3, 7, 3)
    result = network(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        own = x[row : row + 1, :length]
        wanted = torch.cat([network.ahead(own), network.back(own.flip(1)).flip(1)], dim=-1)
        torch.testing.assert_close(result[row, :length], wanted[0], atol=TOLERANCE, rtol=TOLERANCE)


def test_one_layer_is_torchs_packed_lstm():
    network = Bidirectional(CELLS["lstm"](3, 4), CELLS["lstm"](3, 4))
    torchs = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weights = dict(zip(names, network.ahead.weights()))
    weights |= {f"{name}_reverse": w for name, w in zip(names, network.back.weights())}
    torchs.load_state_dict(weights)
    lengths = torch.tensor([7, 4, 1])
    x = torch.randn(3, 7, 3)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    wanted, _ = nn.utils.rnn.pad_packed_sequence(torchs(packed)[0], batch_first=True)
    result = network(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(result[row, :length], wanted[row, :length], atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_stack_is_its_layers(depth):
    network = BidirectionalStack("gru", 3, 4, depth)
    lengths = torch.tensor([6, 3])
    x = torch.randn(2, 6, 3)
    y = x
    for number, (norm, layer) in enumerate(zip(network.norms, network.layers)):
        normed = nn.functional.layer_norm(y, y.shape[-1:], norm.norm.weight, norm.norm.bias)
        y = layer(normed, lengths) + (y if number else 0)
    torch.testing.assert_close(network(x, lengths), y)


def test_every_output_sees_the_whole_row():
    network = BidirectionalStack("lstm", 3, 4, 2)
    x = torch.randn(1, 9, 3, requires_grad=True)
    y = network(x, torch.tensor([9]))
    for t in range(9):
        (seen,) = torch.autograd.grad(y[0, t].sum(), x, retain_graph=True)
        assert (seen[0].abs().sum(-1) > 0).all()


def test_a_last_unfilled_stack_is_filled_with_silence():
    network = AcousticBidirectional(n_mels=5, stack=4, hidden_size=6, depth=1, outputs=7)
    x = torch.randn(1, 10, 5)
    filled = torch.cat([x, torch.full((1, 2, 5), SILENCE)], dim=1)
    result = network(x, torch.tensor([10]))
    assert result.shape == (1, 3, 7)
    torch.testing.assert_close(result, network(filled, torch.tensor([12])))


def test_gradients_do_not_come_from_the_padding():
    network = AcousticBidirectional(n_mels=5, stack=2, hidden_size=6, depth=2, outputs=7)
    x = torch.randn(2, 8, 5, requires_grad=True)
    lengths = torch.tensor([8, 3])
    y = network(x, lengths)
    (y[0].sum() + y[1, :2].sum()).backward()
    assert x.grad[1, 3:].abs().max() == 0
    assert x.grad[1, :3].abs().min() > 0


def test_a_stage_with_lookahead_is_refused():
    stage = Chain(LookaheadConvolution(3, 4, 3, 1))
    with pytest.raises(ValueError, match="block 1, ratio 1 and no lookahead"):
        Bidirectional(stage, stage)
