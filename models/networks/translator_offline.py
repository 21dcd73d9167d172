"""The offline translator: reads a whole sentence both ways, then searches for its translation."""

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.bundle.options import Count, CountOrNone
from streamer.models.layers.attention import AttentionDecoder
from streamer.models.layers.beam_search import END, beam_search
from streamer.models.layers.feedforward import dropped
from streamer.models.layers.stage import State
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.layers.word_embedding import table_ids

PIECE = 2  # the column of x
CHANNELS = 6
NEVER = -1e9


class TranslateOffline(Whole):
    """Bidirectional LSTM, attention decoder, beam search with a guard against going round in circles.

    x [B, T, 6] (the channels of the "pieces" encoder) -> [B, T', 2]: units of the target with their
    log-probabilities, zero after its end; T' = 3 T. A target has at most `growth` tenths of its
    source's pieces and `spare` units more. Three units in the order that they were said in before
    are not said again.
    """

    ratio = Fraction(3)

    def __init__(
        self,
        pieces: Count,
        units: Count,
        outputs: Count = 2,
        size: Count = 192,
        memory_size: Count = 256,
        hidden_size: Count = 256,
        depth: Count = 2,
        beam: Count = 5,
        length_power: float = 1.0,
        growth: Count = 16,
        spare: CountOrNone = 6,
        dropout: float = 0.15,
    ):
        super().__init__(CHANNELS, outputs)
        self.beam, self.length_power, self.growth, self.spare = beam, length_power, growth, spare
        self.dropout = dropout
        self.pieces = nn.Embedding(pieces, size)
        nn.init.normal_(self.pieces.weight, std=0.1)
        self.encoder = BidirectionalStack("lstm", size, memory_size // 2, depth)
        self.decoder = AttentionDecoder(units, size, memory_size, hidden_size, dropout)

    def read(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The memory [B, T, H], each piece's own vector [B, T, size] and which count [B, T]."""
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        ids = torch.where(valid, table_ids(x[..., PIECE], self.pieces.num_embeddings), 0)
        own = self.pieces(ids)
        heard = self.encoder(dropped(own, self.dropout) if self.training else own, lengths)
        return dropped(heard, self.dropout) if self.training else heard, own, valid

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        memory, own, valid = (leaf.repeat_interleave(self.beam, 0) for leaf in self.read(x, lengths))
        # The end takes a row too.
        limits = torch.minimum(lengths * self.growth // 10 + self.spare, self.out_lengths(lengths) - 1)
        limits = limits.clamp(min=0)
        longest = int(limits.max())
        told = torch.full((len(memory), longest + 1), END, device=x.device)

        def advance(units: Tensor, state: State) -> tuple[Tensor, State]:
            told, place, *rest = state
            told = torch.where(torch.arange(longest + 1, device=x.device) == place - 1, units[:, None], told)
            at = place[:, 0]
            said, rest = self.decoder.advance(self.decoder.told(units), at, memory, own, valid, tuple(rest))
            table = self.decoder.log_probabilities(said)
            return without_circles(table, told, at), (told, place + 1, *rest)

        state = told, torch.zeros_like(told[:, :1]), *self.decoder.initial_state(memory)
        found = beam_search(advance, state, limits, self.beam, self.length_power)
        return F.pad(found, (0, 0, 0, 3 * x.shape[1] - found.shape[1]))


def without_circles(table: Tensor, told: Tensor, place: Tensor) -> Tensor:
    """The table [N, V] without units that would end a run of three which `told` [N, n] holds already.

    `place` [N] units were told so far.
    """
    if told.shape[1] < 3:
        return table
    counted = torch.arange(told.shape[1] - 2, device=told.device) + 2 < place[:, None]
    last = told.gather(1, (place - 1).clamp(min=0)[:, None])
    before = told.gather(1, (place - 2).clamp(min=0)[:, None])
    again = counted & (told[:, :-2] == before) & (told[:, 1:-1] == last)
    cost = torch.where(again, NEVER, 0.0).to(table.dtype)
    return table + torch.zeros_like(table).scatter_add_(1, told[:, 2:], cost)
