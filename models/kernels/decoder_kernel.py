"""A translation's decoder for a CPU: the same cell, its weights laid out for narrow batches."""

import torch
from torch import Tensor, nn

from streamer.models.kernels.products import Product
from streamer.models.layers.attention import MASKED, UNKNOWN, Attended, AttentionDecoder
from streamer.models.layers.stage import State


class UnrolledDecoder(nn.Module):
    """`AttentionDecoder` while it emits a target; `product` makes its maps.

    Each unit's share of the gates is computed at load; the context and the hidden state go through one
    product.
    """

    def __init__(self, decoder: AttentionDecoder, product: type[Product]):
        super().__init__()
        self.decoder, cell = decoder, decoder.cell
        from_context = cell.input_weight[:, -decoder.memory_size :]
        self.state_product = product(torch.cat([from_context, cell.hidden_weight], 1))
        self.query_product, self.mix_product = product(decoder.query.weight), product(decoder.mix.weight)
        self.unit_product = product(decoder.embedding.weight)
        units = torch.arange(decoder.embedding.num_embeddings)
        self.gates_of_units: Tensor
        self.register_buffer("gates_of_units", decoder.input_gates(units).detach(), persistent=False)

    def initial_state(self, like: Tensor) -> State:
        """As `AttentionDecoder.initial_state`."""
        return self.decoder.initial_state(like)

    def input_gates(self, units: Tensor) -> Tensor:
        """As `AttentionDecoder.input_gates`, of units [B]."""
        return self.gates_of_units.index_select(0, units)

    def advance(
        self, input_gates: Tensor, position: Tensor, source: Attended, state: State
    ) -> tuple[Tensor, State]:
        """As `AttentionDecoder.advance`."""
        h, c, context = state
        gates = self.state_product(input_gates, torch.cat([context, h], 1))
        input_gate, forget_gate, candidate, output_gate = gates.chunk(4, 1)
        c = torch.addcmul(forget_gate.sigmoid() * c, input_gate.sigmoid(), candidate.tanh())
        h = output_gate.sigmoid() * c.tanh()
        query = self.query_product(self.decoder.query.bias, h)
        context, translation = self.decoder.attend(query, position, source)
        mixed = self.mix_product(self.decoder.mix.bias, torch.cat([h, context], 1))
        return mixed.tanh() + translation, (h, c, context)

    def most_probable(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """As `AttentionDecoder.most_probable`."""
        logits = self.unit_product(self.decoder.bias, output)
        logits[:, UNKNOWN] = MASKED
        # torch looks for a maximum's place number by number: a quarter of the time of the product.
        unit = torch.from_numpy(logits.numpy().argmax(1))
        best = logits.gather(1, unit[:, None])
        return unit, -logits.sub_(best).exp_().sum(1).log_()
