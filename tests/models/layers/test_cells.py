"""Each cell against its equations, written out here step by step from its weights."""

import pytest
import torch
from torch import cat, nn, sigmoid, tanh

from streamer.models.layers.feedforward import Activation, Linear
from streamer.models.layers.recurrent import CELLS, GRU, LSTM, RNN, TextbookGRU, plain_stack, stack
from streamer.models.layers.stage import Chain

TOLERANCE = 1e-5
C, H, B, T = 3, 4, 2, 6


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)


def close(result, wanted):
    torch.testing.assert_close(result, wanted, atol=TOLERANCE, rtol=TOLERANCE)


def pieces(cell):
    """W_x and W_h by gate, and the sum of the biases by gate."""
    bias = cell.input_bias + cell.hidden_bias
    return (w.chunk(cell.gates) for w in (cell.input_weight, cell.hidden_weight, bias))


def joined(cell):
    """W = [W_h, W_x] by gate, for the stacked form W [a, x], and the biases."""
    w_x, w_h, b = pieces(cell)
    return [cat([h, x], dim=1) for h, x in zip(w_h, w_x)], b


def test_rnn():
    """a_t = tanh(Waa a_(t-1) + Wax x_t + ba), y_t = g(Wya a_t + by)."""
    cell, head = RNN(C, H), Linear(H, 2)
    network = Chain(cell, head, Activation(2, "sigmoid"))
    (w_ax,), (w_aa,), (b_a,) = pieces(cell)
    w_ya, b_y = head.map.weight, head.map.bias
    x, a = torch.randn(B, T, C), torch.randn(B, H)
    result, (last,) = network.step(x, (a,))
    for t in range(T):
        a = tanh(a @ w_aa.T + x[:, t] @ w_ax.T + b_a)
        close(result[:, t], sigmoid(a @ w_ya.T + b_y))
    close(last, a)


def test_rnn_in_the_stacked_form():
    """a_t = tanh(Wa [a_(t-1), x_t] + ba)."""
    cell = RNN(C, H)
    (w_a,), (b_a,) = joined(cell)
    x, a = torch.randn(B, T, C), torch.randn(B, H)
    result, _ = cell.step(x, (a,))
    for t in range(T):
        a = tanh(cat([a, x[:, t]], dim=1) @ w_a.T + b_a)
        close(result[:, t], a)


@pytest.mark.parametrize("projection", [0, 2])
def test_lstm(projection):
    """c~ = tanh(Wc [a, x] + bc), gates Γ = σ(W [a, x] + b), c = Γu c~ + Γf c, a = Γo tanh(c)."""
    cell = LSTM(C, H, projection)
    (w_u, w_f, w_c, w_o), (b_u, b_f, b_c, b_o) = joined(cell)
    x, a, c = torch.randn(B, T, C), torch.randn(B, projection or H), torch.randn(B, H)
    result, (last_a, last_c) = cell.step(x, (a, c))
    for t in range(T):
        both = cat([a, x[:, t]], dim=1)
        update, forget = sigmoid(both @ w_u.T + b_u), sigmoid(both @ w_f.T + b_f)
        output = sigmoid(both @ w_o.T + b_o)
        c = update * tanh(both @ w_c.T + b_c) + forget * c
        a = output * tanh(c)
        a = a @ cell.projection_weight.T if projection else a
        close(result[:, t], a)
    close(last_a, a)
    close(last_c, c)


@pytest.mark.parametrize("projection", [0, 2])
def test_textbook_gru(projection):
    """c~ = tanh(Wc [Γr * c, x] + bc), Γu, Γr = σ(W [c, x] + b), c = Γu * c~ + (1 - Γu) * c."""
    cell = TextbookGRU(C, H, projection)
    (w_r, w_u, w_c), (b_r, b_u, b_c) = joined(cell)
    x, c = torch.randn(B, T, C), torch.randn(B, H)
    result, (last,) = cell.step(x, (c,))
    for t in range(T):
        both = cat([c, x[:, t]], dim=1)
        relevance, update = sigmoid(both @ w_r.T + b_r), sigmoid(both @ w_u.T + b_u)
        candidate = tanh(cat([relevance * c, x[:, t]], dim=1) @ w_c.T + b_c)
        c = update * candidate + (1 - update) * c
        close(result[:, t], c @ cell.projection_weight.T if projection else c)
    close(last, c)


def test_gru():
    """r, z = σ(W x + b + U h + d), n = tanh(Wn x + bn + r * (Un h + dn)), h = (1 - z) * n + z * h."""
    cell = GRU(C, H)
    (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, _) = pieces(cell)
    b_n, d_n = cell.input_bias[2 * H :], cell.hidden_bias[2 * H :]
    x, h = torch.randn(B, T, C), torch.randn(B, H)
    result, (last,) = cell.step(x, (h,))
    for t in range(T):
        r = sigmoid(x[:, t] @ w_r.T + h @ u_r.T + b_r)
        z = sigmoid(x[:, t] @ w_z.T + h @ u_z.T + b_z)
        n = tanh(x[:, t] @ w_n.T + b_n + r * (h @ u_n.T + d_n))
        h = (1 - z) * n + z * h
        close(result[:, t], h)
    close(last, h)


def test_the_two_grus_are_two_cells():
    fused, textbook = GRU(C, H), TextbookGRU(C, H)
    textbook.load_state_dict(fused.state_dict())
    x = torch.randn(B, T, C)
    assert (fused(x) - textbook(x)).abs().max() > 100 * TOLERANCE


@pytest.mark.parametrize("cell,module", [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_a_plain_stack_is_torchs(cell, module):
    own, torchs = plain_stack(cell, C, H, 3), module(C, H, 3, batch_first=True)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    for number, layer in enumerate(own.stages):
        weights = {f"{name}_l{number}": value for name, value in zip(names, layer.weights())}
        torchs.load_state_dict(torchs.state_dict() | weights)
    x = torch.randn(B, T, C)
    close(own(x), torchs(x)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_a_stack_norms_before_each_layer_and_adds_it(cell):
    network = stack(cell, C, H, 2)
    linear, *layers = network.stages
    x = torch.randn(B, T, C)
    y = linear(x)
    for residual in layers:
        norm, layer = residual.stage.stages
        normed = nn.functional.layer_norm(y, (H,), norm.norm.weight, norm.norm.bias)
        y = y + layer(normed)
    close(network(x), y)


def test_every_cell_learns():
    """Gradients reach every weight, and agree with finite differences."""
    for make in CELLS.values():
        cell = make(C, H, 2).double()
        x = torch.randn(1, 4, C, dtype=torch.float64)

        def outputs(*weights, cell=cell, x=x):
            named = dict(zip(dict(cell.named_parameters()), weights))
            return torch.func.functional_call(cell, named, (x,))

        assert torch.autograd.gradcheck(outputs, tuple(cell.parameters()))


def test_an_unknown_cell_is_named():
    with pytest.raises(ValueError, match="cell 'qrnn' is unknown; there are rnn, lstm, gru"):
        stack("qrnn", C, H, 1)
