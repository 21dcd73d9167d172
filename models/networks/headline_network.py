"""The headline network: reads a whole abstract both ways, writes a title, copying where it may."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.bundle.options import Count
from streamer.models.layers.beam_search import END, beam_search
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import State
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.layers.word_embedding import CHANNELS, LETTERS, WORD, table_ids

PLACES = 16  # of letters, in x
UNKNOWN = 1  # the id of a word that the list lacks
NEVER = -1e9


class Source(NamedTuple):
    """What was read: `units` [B, T] names equal words equally, `chosen` [B, T] how title-like each is."""

    memory: Tensor  # [B, T, M]
    keys: Tensor  # [B, T, H], for attention
    copy_keys: Tensor  # [B, T, H]
    chosen: Tensor
    units: Tensor
    valid: Tensor  # [B, T]


class Headline(Whole):
    """Bidirectional LSTM, LSTM decoder with attention, and copying from the source (See 2017).

    x [B, T, 19] (the channels of the "words" encoder) -> [B, T, 2]: units of the title, at most
    `longest`, with their log-probabilities, zero after its end. Units below `words` are ids of the word list;
    unit words + t is the source's word t, which the list lacks. What was said already, and what
    stands after the word said last, is told to the attention: that is its coverage. A head
    beside it learns which source words a title takes (Gehrmann 2018) and biases copying.
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        letters: Count = 128,
        word_size: Count = 128,
        letter_size: Count = 32,
        hidden_size: Count = 192,
        depth: Count = 1,
        decoder_size: Count = 256,
        beam: Count = 4,
        longest: Count = 24,
        length_power: float = 0.9,
        repetition: float = 3.0,
        small: Count = 40,
        dropout: float = 0.2,
    ):
        super().__init__(CHANNELS, outputs)
        self.words, self.letters, self.beam, self.longest, self.small = words, letters, beam, longest, small
        self.length_power, self.repetition, self.dropout = length_power, repetition, dropout
        memory = 2 * hidden_size
        self.embedding = nn.Embedding(words, word_size)
        # A table per place in the word: beginnings, capitals and digits without a convolution's cost.
        self.letter_embedding = nn.Embedding(letters * PLACES, letter_size)
        self.register_buffer("places", torch.arange(PLACES) * letters, persistent=False)
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.normal_(self.letter_embedding.weight, std=0.1)
        self.encoder = BidirectionalStack("lstm", word_size + letter_size, hidden_size, depth)
        self.key, self.copy_key = nn.Linear(memory, decoder_size), nn.Linear(memory, decoder_size)
        self.choose = nn.Linear(memory, 1)
        self.begin = nn.Linear(2 * memory, 2 * decoder_size)
        self.cell = LSTM(word_size, decoder_size)
        self.copy_query = nn.Linear(decoder_size, decoder_size)
        self.habits = nn.Linear(decoder_size, 4)  # what "follows" and "said" weigh, in both attentions
        self.mix = nn.Linear(decoder_size + memory, word_size)
        self.bias = nn.Parameter(torch.zeros(words))
        self.gate = nn.Linear(decoder_size + memory, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        source, state = self.read(x, lengths)
        wide = Source(*(leaf.repeat_interleave(self.beam, 0) for leaf in source))
        h, c = (leaf.repeat_interleave(self.beam, 0) for leaf in state)
        told = torch.full((len(h), self.longest), END, device=x.device)  # so far, the last one first

        def advance(units: Tensor, state: State) -> tuple[Tensor, State]:
            h, c, said, told = state
            told = torch.cat([units[:, None], told[:, :-1]], 1)
            follows, said = self.habit(wide, units[:, None], said)
            vocabulary, copied, gate, (h, c) = self.decode(wide, units[:, None], (h, c), follows, said)
            table = self.table(wide, vocabulary[:, 0], copied[:, 0], gate[:, 0])
            return self.without_repetition(table, told), (h, c, said[:, 0], told)

        state = h, c, torch.zeros_like(wide.chosen), told

        # The end takes a row too: a title is shorter than its text.
        limits = (lengths - 1).clamp(0, self.longest)
        told = beam_search(advance, state, limits, self.beam, self.length_power)
        return F.pad(told, (0, 0, 0, x.shape[1] - told.shape[1]))

    def read(self, x: Tensor, lengths: Tensor) -> tuple[Source, State]:
        """The source, and the decoder's state before its first word."""
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        x = torch.where(valid[..., None], x, torch.zeros_like(x))
        units = self.units(x, x)
        embedded = self.embedded(x)
        memory = self._dropped(self.encoder(embedded, lengths))
        chosen = self.choose(memory)[..., 0]
        low = torch.where(valid[..., None], memory, torch.full_like(memory, -torch.inf))
        mean = torch.where(valid[..., None], memory, torch.zeros_like(memory)).sum(1)
        mean = mean / lengths.clamp(min=1)[:, None]
        highest = torch.where(lengths[:, None] > 0, low.amax(1), torch.zeros_like(mean))
        state = torch.tanh(self.begin(torch.cat([mean, highest], -1))).chunk(2, -1)
        keys, copy_keys = self.key(memory), self.copy_key(memory)
        return Source(memory, keys, copy_keys, chosen, units, valid), state

    def embedded(self, x: Tensor) -> Tensor:
        """Words and their letters [B, T, word_size + letter_size]."""
        words = self.embedding(table_ids(x[..., WORD], self.words))
        letters = self.letter_embedding(table_ids(x[..., LETTERS], self.letters) + self.places).sum(-2)
        return self._dropped(torch.cat([words, letters], -1))

    def units(self, x: Tensor, source: Tensor) -> Tensor:
        """The units [B, S] of the words in x [B, S, 19]: those the list lacks are looked for in `source`.

        A word that neither has is UNKNOWN. Words are the same where their letters are.
        """
        known = table_ids(x[..., WORD], self.words)
        spelt, source_spelt = _spelling(x), _spelling(source)
        same = (spelt[:, :, None, 0] == source_spelt[:, None, :, 0]) & (
            spelt[:, :, None, 1] == source_spelt[:, None, :, 1]
        )
        same &= (source[..., WORD] == UNKNOWN)[:, None]
        found, first = same.max(-1)
        copied = torch.where(found, self.words + first, torch.full_like(first, UNKNOWN))
        return torch.where(known == UNKNOWN, copied, known)

    def habit(self, source: Source, said_units: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Which source words follow the unit said last, and which were said, [B, S, T] each.

        said_units [B, S] are what the decoder is given; `before` [B, T] was said before these.
        """
        equal = (said_units[:, :, None] == source.units[:, None]) & source.valid[:, None]
        equal = equal.to(before.dtype)
        said = (equal.cumsum(1) + before[:, None]).clamp(max=1)
        return F.pad(equal[..., :-1], (1, 0)), said

    def decode(
        self, source: Source, units: Tensor, state: State, follows: Tensor, said: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, State]:
        """After each of `units` [B, S]: log-probabilities of words [B, S, words], of copying each
        source word [B, S, T], and of the list against copying [B, S, 2]."""
        # The list doesn't know a copied word; its embedding is that of an unknown one.
        known = torch.where(units < self.words, units, torch.full_like(units, UNKNOWN))
        d, state = self.cell.step(self._dropped(self.embedding(known)), state)
        d = self._dropped(d)
        weighs = self.habits(d)
        masked = ~source.valid[:, None]
        scores = d @ source.keys.mT / d.shape[-1] ** 0.5
        scores = scores + weighs[..., :1] * follows + weighs[..., 1:2] * said
        context = scores.masked_fill(masked, NEVER).softmax(-1) @ source.memory
        copies = self.copy_query(d) @ source.copy_keys.mT / d.shape[-1] ** 0.5 + source.chosen[:, None]
        copies = copies + weighs[..., 2:3] * follows + weighs[..., 3:] * said
        copies = copies.masked_fill(masked, NEVER).log_softmax(-1)
        both = torch.cat([d, context], -1)
        mixed = self._dropped(torch.tanh(self.mix(both)))
        vocabulary = F.linear(mixed, self.embedding.weight, self.bias).log_softmax(-1)
        gate = self.gate(both)
        return vocabulary, copies, torch.cat([F.logsigmoid(gate), F.logsigmoid(-gate)], -1), state

    def table(self, source: Source, vocabulary: Tensor, copied: Tensor, gate: Tensor) -> Tensor:
        """Log-probabilities [N, words + T] of every unit, the two ways of saying it summed."""
        probability = torch.zeros(len(copied), self.words + copied.shape[1], device=copied.device)
        probability[:, : self.words] = (vocabulary + gate[:, :1]).exp()
        probability.scatter_add_(1, source.units, (copied + gate[:, 1:]).exp())
        probability[:, UNKNOWN] = 0
        return probability.clamp(min=1e-12).log()

    def without_repetition(self, table: Tensor, told: Tensor) -> Tensor:
        """The table with what was told already [N, longest] made less likely, small words excepted."""
        cost = torch.where(told >= self.small, self.repetition, 0.0)
        repeated = torch.zeros_like(table).scatter_(1, told, cost.to(table.dtype))
        return table - repeated

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


def _spelling(x: Tensor) -> Tensor:
    """The letters of each word as two whole numbers [B, S, 2]: eight letters of seven bits each."""
    letters = x[..., LETTERS].long().unflatten(-1, (2, 8))
    return (letters << (7 * torch.arange(8, device=x.device))).sum(-1)
