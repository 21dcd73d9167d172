"""The headline network: encodes a whole abstract both ways, writes a title, copying where it may."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.beam_search import END, beam_search
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import State
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.layers.word_embedding import CHANNELS, LETTERS, WORD, table_ids
from streamer.models.options import Count

PLACES = 16  # of letters, in x
UNKNOWN = 1  # the id of a word that the list lacks
NEVER = -1e9


class EncodedAbstract(NamedTuple):
    """An encoded abstract."""

    memory: Tensor  # [B, T, M]
    keys: Tensor  # [B, T, H], for attention
    copy_keys: Tensor  # [B, T, H]
    chosen: Tensor  # [B, T], the logit of a word's being in the title
    units: Tensor  # [B, T], equal for equal words
    valid: Tensor  # [B, T]


class Coverage(NamedTuple):
    """1 for source words that follow the last unit, and for those that the title holds: [B, S, T] each."""

    follows: Tensor
    held: Tensor


class Decoded(NamedTuple):
    """Log-probabilities: of listed words, of copying source words, and of these two ways to a unit."""

    vocabulary: Tensor  # [B, S, words]
    copies: Tensor  # [B, S, T]
    gates: Tensor  # [B, S, 2]


class Headline(Whole):
    """Bidirectional LSTM, LSTM decoder with attention, and copying from the source (See 2017).

    x [B, T, 19] (the channels of the "words" encoder) -> [B, T, 2]: units of the title, at most
    `longest`, with their log-probabilities, zero after its end. Units below `words` are ids of the word
    list; unit words + t is the source's word t, which the list lacks. The attention knows which source
    words the title holds already and which follow its last word: that is its coverage. Another head
    learns which source words a title takes (Gehrmann 2018) and biases copying.
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
        self.length_power, self.repetition, self.dropout = length_power, repetition, nn.Dropout(dropout)
        memory = 2 * hidden_size
        self.embedding = nn.Embedding(words, word_size)
        # A table per place in the word: beginnings, capitals and digits without a convolution's cost.
        self.letter_embedding = nn.Embedding(letters * PLACES, letter_size)
        self.places: Tensor
        self.register_buffer("places", torch.arange(PLACES) * letters, persistent=False)
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.normal_(self.letter_embedding.weight, std=0.1)
        self.encoder = BidirectionalStack("lstm", word_size + letter_size, hidden_size, depth)
        self.key, self.copy_key = nn.Linear(memory, decoder_size), nn.Linear(memory, decoder_size)
        self.choose = nn.Linear(memory, 1)
        self.begin = nn.Linear(2 * memory, 2 * decoder_size)
        self.cell = LSTM(word_size, decoder_size)
        self.copy_query = nn.Linear(decoder_size, decoder_size)
        self.habits = nn.Linear(decoder_size, 4)  # weights of `Coverage`, in both attentions
        self.mix = nn.Linear(decoder_size + memory, word_size)
        self.bias = nn.Parameter(torch.zeros(words))
        self.gate = nn.Linear(decoder_size + memory, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        source, state = self.encode(x, lengths)
        wide = EncodedAbstract(*(leaf.repeat_interleave(self.beam, 0) for leaf in source))
        h, c = (leaf.repeat_interleave(self.beam, 0) for leaf in state)
        emitted = torch.full((len(h), self.longest), END, device=x.device)  # so far, the last one first

        def advance(units: Tensor, state: State) -> tuple[Tensor, State]:
            h, c, covered, emitted = state
            emitted = torch.cat([units[:, None], emitted[:, :-1]], 1)
            coverage = self.coverage(wide, units[:, None], covered)
            step, (h, c) = self.decode(wide, units[:, None], (h, c), coverage)
            table = self.table(wide, step)
            return self.without_repetition(table, emitted), (h, c, coverage.held[:, 0], emitted)

        initial = h, c, torch.zeros_like(wide.chosen), emitted
        # The end takes a row too: a title is shorter than its text.
        limits = (lengths - 1).clamp(0, self.longest)
        best = beam_search(advance, initial, limits, self.beam, self.length_power)
        return F.pad(best, (0, 0, 0, x.shape[1] - best.shape[1]))

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[EncodedAbstract, State]:
        """The source of words x [B, T, 19], and the decoder's state before its first word."""
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        x = torch.where(valid[..., None], x, torch.zeros_like(x))
        units = self.units(x, x)
        embedded = self.embedded(x)
        memory = self.dropout(self.encoder(embedded, lengths))
        chosen = self.choose(memory)[..., 0]
        low = torch.where(valid[..., None], memory, torch.full_like(memory, -torch.inf))
        mean = torch.where(valid[..., None], memory, torch.zeros_like(memory)).sum(1)
        mean = mean / lengths.clamp(min=1)[:, None]
        highest = torch.where(lengths[:, None] > 0, low.amax(1), torch.zeros_like(mean))
        state = torch.tanh(self.begin(torch.cat([mean, highest], -1))).chunk(2, -1)
        keys, copy_keys = self.key(memory), self.copy_key(memory)
        return EncodedAbstract(memory, keys, copy_keys, chosen, units, valid), state

    def embedded(self, x: Tensor) -> Tensor:
        """Words and their letters [B, T, word_size + letter_size]."""
        words = self.embedding(table_ids(x[..., WORD], self.words))
        letters = self.letter_embedding(table_ids(x[..., LETTERS], self.letters) + self.places).sum(-2)
        return self.dropout(torch.cat([words, letters], -1))

    def units(self, x: Tensor, source: Tensor) -> Tensor:
        """The units [B, S] of the words in x [B, S, 19]; one that the list lacks is sought in `source`.

        A word that neither has is UNKNOWN. Words are the same where their letters are.
        """
        ids = table_ids(x[..., WORD], self.words)
        spelling, source_spelling = _spelling(x), _spelling(source)
        same = (spelling[:, :, None, 0] == source_spelling[:, None, :, 0]) & (
            spelling[:, :, None, 1] == source_spelling[:, None, :, 1]
        )
        same &= (source[..., WORD] == UNKNOWN)[:, None]
        is_copied, first = same.max(-1)
        copied = torch.where(is_copied, self.words + first, torch.full_like(first, UNKNOWN))
        return torch.where(ids == UNKNOWN, copied, ids)

    def coverage(self, source: EncodedAbstract, units: Tensor, covered: Tensor) -> Coverage:
        """The coverage after each input of the decoder, units [B, S]; `covered` [B, T] holds before them."""
        equal = (units[:, :, None] == source.units[:, None]) & source.valid[:, None]
        equal = equal.to(covered.dtype)
        held = (equal.cumsum(1) + covered[:, None]).clamp(max=1)
        return Coverage(F.pad(equal[..., :-1], (1, 0)), held)

    def decode(
        self, source: EncodedAbstract, units: Tensor, state: State, coverage: Coverage
    ) -> tuple[Decoded, State]:
        """The distributions of the unit after each of `units` [B, S], and the decoder's state."""
        # The list lacks a copied word; its embedding is that of an unknown one.
        ids = torch.where(units < self.words, units, torch.full_like(units, UNKNOWN))
        d, state = self.cell.step(self.dropout(self.embedding(ids)), state)
        d = self.dropout(d)
        follows, held = coverage
        weights = self.habits(d)
        masked = ~source.valid[:, None]
        scores = d @ source.keys.mT / d.shape[-1] ** 0.5
        scores = scores + weights[..., :1] * follows + weights[..., 1:2] * held
        context = scores.masked_fill(masked, NEVER).softmax(-1) @ source.memory
        copies = self.copy_query(d) @ source.copy_keys.mT / d.shape[-1] ** 0.5 + source.chosen[:, None]
        copies = copies + weights[..., 2:3] * follows + weights[..., 3:] * held
        copies = copies.masked_fill(masked, NEVER).log_softmax(-1)
        both = torch.cat([d, context], -1)
        mixed = self.dropout(torch.tanh(self.mix(both)))
        vocabulary = F.linear(mixed, self.embedding.weight, self.bias).log_softmax(-1)
        gate = self.gate(both)
        gates = torch.cat([F.logsigmoid(gate), F.logsigmoid(-gate)], -1)
        return Decoded(vocabulary, copies, gates), state

    def table(self, source: EncodedAbstract, decoded: Decoded) -> Tensor:
        """Log-probabilities [N, words + T] of every unit after one step, the two ways to it summed."""
        vocabulary, copies, gates = (leaf[:, 0] for leaf in decoded)
        probability = torch.zeros(len(copies), self.words + copies.shape[1], device=copies.device)
        probability[:, : self.words] = (vocabulary + gates[:, :1]).exp()
        probability.scatter_add_(1, source.units, (copies + gates[:, 1:]).exp())
        probability[:, UNKNOWN] = 0
        return probability.clamp(min=1e-12).log()

    def without_repetition(self, table: Tensor, emitted: Tensor) -> Tensor:
        """The table with `emitted` units [N, longest] made less probable, small words excepted."""
        cost = torch.where(emitted >= self.small, self.repetition, 0.0)
        repeated = torch.zeros_like(table).scatter_(1, emitted, cost.to(table.dtype))
        return table - repeated


def _spelling(x: Tensor) -> Tensor:
    """The letters of each word as two whole numbers [B, S, 2]: eight letters of seven bits each."""
    letters = x[..., LETTERS].long().unflatten(-1, (2, 8))
    return (letters << (7 * torch.arange(8, device=x.device))).sum(-1)
