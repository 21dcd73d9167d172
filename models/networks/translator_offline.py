"""The offline translator: encodes a whole sentence both ways, then searches for its translation."""

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.attention import Attended, AttentionDecoder
from streamer.models.layers.beam_search import END, beam_search
from streamer.models.layers.feedforward import dropout
from streamer.models.layers.stage import State
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.layers.word_embedding import table_ids
from streamer.models.options import Count, CountOrNone

PIECE = 2  # the column of x
CHANNELS = 6
NEVER = -1e9


class TranslateOffline(Whole):
    """Bidirectional LSTM, attention decoder, beam search with a guard against repeated trigrams.

    x [B, T, 6] (the channels of the "pieces" encoder) -> [B, T', 2]: units of the target with their
    log-probabilities, zero after its end; T' = 3 T. A target has at most `growth` tenths of its
    source's pieces and `spare` units more. Three units in a row are not emitted in that order again.
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

    def encode(self, x: Tensor, lengths: Tensor) -> Attended:
        """The source of pieces x [B, T, 6], as the decoder attends to it."""
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        ids = torch.where(valid, table_ids(x[..., PIECE], self.pieces.num_embeddings), 0)
        embeddings = self.pieces(ids)
        memory = self.encoder(dropout(embeddings, self.dropout, self.training), lengths)
        return Attended(dropout(memory, self.dropout, self.training), embeddings, valid)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        source = Attended(*(leaf.repeat_interleave(self.beam, 0) for leaf in self.encode(x, lengths)))
        # The end takes a row too.
        limits = torch.minimum(lengths * self.growth // 10 + self.spare, self.out_lengths(lengths) - 1)
        limits = limits.clamp(min=0)
        longest = int(limits.max())
        emitted = torch.full((len(source.memory), longest + 1), END, device=x.device)

        def advance(units: Tensor, state: State) -> tuple[Tensor, State]:
            emitted, count, *decoder = state
            last = torch.arange(longest + 1, device=x.device) == count - 1
            emitted = torch.where(last, units[:, None], emitted)
            position = count[:, 0]
            gates = self.decoder.input_gates(units)
            output, after = self.decoder.advance(gates, position, source, tuple(decoder))
            table = self.decoder.log_probabilities(output)
            return without_repeated_trigrams(table, emitted, position), (emitted, count + 1, *after)

        state = emitted, torch.zeros_like(emitted[:, :1]), *self.decoder.initial_state(source.memory)
        best = beam_search(advance, state, limits, self.beam, self.length_power)
        return F.pad(best, (0, 0, 0, 3 * x.shape[1] - best.shape[1]))


def without_repeated_trigrams(table: Tensor, emitted: Tensor, count: Tensor) -> Tensor:
    """The table [N, V] without units that would end a trigram which `emitted` [N, n] holds already.

    The first `count` [N] units of a row of `emitted` are real.
    """
    if emitted.shape[1] < 3:
        return table
    counted = torch.arange(emitted.shape[1] - 2, device=emitted.device) + 2 < count[:, None]
    last = emitted.gather(1, (count - 1).clamp(min=0)[:, None])
    before = emitted.gather(1, (count - 2).clamp(min=0)[:, None])
    again = counted & (emitted[:, :-2] == before) & (emitted[:, 1:-1] == last)
    cost = torch.where(again, NEVER, 0.0).to(table.dtype)
    return table + torch.zeros_like(table).scatter_add_(1, emitted[:, 2:], cost)
