"""Recurrent layers for a CPU: one product for all inputs, then a product and compiled gates per step."""

import torch
from torch import Tensor

from streamer.models.kernels.gates import gru_gates, lstm_gates
from streamer.models.kernels.products import Product
from streamer.models.layers.recurrent import GRU, Recurrent
from streamer.models.layers.stage import Stage, State


class UnrolledRecurrent(Stage):
    """A recurrent layer by hand; `product` makes its maps.

    Inside, steps come before streams: the inputs' shares of one step lie side by side.
    """

    order: tuple[int, ...] = (0,)  # of the gates: those of one activation side by side

    def __init__(self, layer: Recurrent, product: type[Product]):
        super().__init__(layer.in_features, layer.out_features)
        self.layer, self.hidden_size = layer, layer.hidden_size
        self.input_product = product(self.ordered(layer.input_weight))
        self.hidden_product = product(self.ordered(layer.hidden_weight))
        self.bias: Tensor
        self.register_buffer("bias", self.ordered(self.biases(layer)), persistent=False)
        self.projection = product(layer.projection_weight) if layer.projection else None

    def initial_state(self, batch: int) -> State:
        return self.layer.initial_state(batch)

    def biases(self, layer: Recurrent) -> Tensor:
        """The biases that are added before any gate."""
        return layer.input_bias + layer.hidden_bias

    def ordered(self, weight: Tensor) -> Tensor:
        """A weight or bias with its gates in `order`."""
        gates = weight.chunk(len(self.order))
        return torch.cat([gates[number] for number in self.order])

    def projected(self, h: Tensor) -> Tensor:
        """The output and recurrent input of h [..., H]."""
        return h if self.projection is None else self.projection.multiply(h)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        for from_input in self.from_inputs(x).unbind(0):
            y, state = self.cell(from_input, state)
            outputs.append(y)
        return torch.stack(outputs, dim=1), state

    def from_inputs(self, x: Tensor) -> Tensor:
        """The inputs' share of every step, without the bias: x [B, n, C] -> [n, B, G*H]."""
        batch, steps, _ = x.shape
        by_step = x.transpose(0, 1).reshape(steps * batch, -1)
        return self.input_product.multiply(by_step).view(steps, batch, -1)

    def cell(self, from_input: Tensor, state: State) -> tuple[Tensor, State]:
        """One step from the input's share [B, G*H] -> y [B, out_features] and the new state."""
        raise NotImplementedError


class UnrolledRNN(UnrolledRecurrent):
    """`RNN`."""

    def cell(self, from_input: Tensor, state: State) -> tuple[Tensor, State]:
        h = self.hidden_product(from_input + self.bias, state[0]).tanh_()
        return self.projected(h), (h,)


class UnrolledLSTM(UnrolledRecurrent):
    """`LSTM`; the streams come before the steps, and stay there."""

    order = (0, 1, 3, 2)  # the three sigmoids, then the candidate

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.steps(self.input_product.multiply(x), state)

    def steps(self, from_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """The inputs' shares [B, n, 4*H] of some steps -> y [B, n, out_features] and the new state."""
        recurrent_input, c = state[0], state[1].clone()
        h, hidden = torch.empty_like(c), c.new_empty(*from_inputs.shape[:2], self.hidden_size)
        y = hidden if self.projection is None else hidden.new_empty(*hidden.shape[:2], self.out_features)
        shares, written = (from_inputs.numpy(), self.bias.numpy()), (c.numpy(), h.numpy(), hidden.numpy())
        for t in range(hidden.shape[1]):
            lstm_gates(t, *shares, self.hidden_product.multiply(recurrent_input).numpy(), *written)
            recurrent_input = self.projected(h)
            if y is not hidden:
                y[:, t] = recurrent_input
        return y, (recurrent_input, c)


class UnrolledSentenceLSTM(UnrolledLSTM):
    """`SentenceLSTM`; x [B, n, 1 + C], the mark of a first step beside the input."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        from_inputs = self.input_product.multiply(x[..., 1:])
        for first, from_input in zip((x[..., :1] > 0.5).unbind(1), from_inputs.split(1, dim=1)):
            before = tuple(leaf.masked_fill(first, 0.0) for leaf in state)
            y, state = self.steps(from_input.contiguous(), before)
            outputs.append(y)
        return torch.cat(outputs, dim=1), state


class UnrolledGRU(UnrolledRecurrent):
    """`GRU`; the candidate's share of the state has its own bias inside the reset gate."""

    order = (0, 1, 2)

    def __init__(self, layer: GRU, product: type[Product]):
        super().__init__(layer, product)
        self.hidden_bias: Tensor
        self.register_buffer("hidden_bias", layer.hidden_bias.clone(), persistent=False)

    def biases(self, layer: Recurrent) -> Tensor:
        return layer.input_bias

    def cell(self, from_input: Tensor, state: State) -> tuple[Tensor, State]:
        before, h = state[0].contiguous(), torch.empty_like(state[0])
        from_state = self.hidden_product(self.hidden_bias, before)
        from_input = from_input + self.bias
        gru_gates(from_input.numpy(), from_state.numpy(), before.numpy(), h.numpy())
        return self.projected(h), (h,)
