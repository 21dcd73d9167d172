"""A translation's decoder for a CPU: the same cell, its weights laid out for narrow batches."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from streamer.models.layers.attention import MASKED, UNKNOWN, AttentionDecoder
from streamer.models.layers.stage import State


class UnrolledDecoder(nn.Module):
    """What `AttentionDecoder` is asked for while it says a target; `product` makes its maps.

    What each unit brings to the gates is worked out at load; the context and the hidden state go through
    one product.
    """

    def __init__(self, decoder: AttentionDecoder, product: Callable[[Tensor], nn.Module]):
        super().__init__()
        self.decoder, cell = decoder, decoder.cell
        from_context = cell.input_weight[:, -decoder.memory_size :]
        self.state_product = product(torch.cat([from_context, cell.hidden_weight], 1))
        self.query_product, self.mix_product = product(decoder.query.weight), product(decoder.mix.weight)
        self.unit_product = product(decoder.embedding.weight)
        units = torch.arange(decoder.embedding.num_embeddings)
        self.register_buffer("brought", decoder.told(units).detach(), persistent=False)

    def initial_state(self, like: Tensor) -> State:
        """The decoder's own."""
        return self.decoder.initial_state(like)

    def told(self, units: Tensor) -> Tensor:
        """What units [B] bring to the cell's gates [B, 4 * hidden_size]."""
        return self.brought.index_select(0, units)

    def advance(
        self, told: Tensor, place: Tensor, memory: Tensor, own: Tensor, visible: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """As `AttentionDecoder.advance`."""
        h, c, context = state
        gates = self.state_product(told, torch.cat([context, h], 1))
        entry, forget, candidate, out = gates.chunk(4, 1)
        c = torch.addcmul(forget.sigmoid() * c, entry.sigmoid(), candidate.tanh())
        h = out.sigmoid() * c.tanh()
        query = self.query_product(self.decoder.query.bias, h)
        context, meant = self.decoder.attend(query, place, memory, own, visible)
        mixed = self.mix_product(self.decoder.mix.bias, torch.cat([h, context], 1))
        return mixed.tanh() + meant, (h, c, context)

    def likeliest(self, said: Tensor) -> tuple[Tensor, Tensor]:
        """As `AttentionDecoder.likeliest`."""
        logits = self.unit_product(self.decoder.bias, said)
        logits[:, UNKNOWN] = MASKED
        # torch looks for a maximum's place number by number: a quarter of the time of the product.
        unit = torch.from_numpy(logits.numpy().argmax(1))
        best = logits.gather(1, unit[:, None])
        return unit, -logits.sub_(best).exp_().sum(1).log_()
