"""Networks that shorten a sentence by leaving words out: a logit of keeping each word."""

import torch
from torch import Tensor, nn

from streamer.models.layers.feedforward import LayerNorm
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.layers.word_embedding import CHANNELS, WordLetters
from streamer.models.options import Count

DECISION = 64  # width of the layer before a logit


class CompressLive(Stage):
    """Two LSTM layers that restart with each sentence; column k waits for k more words.

    x [B, n, 19], the channels of the "words" encoder -> [B, n, outputs]: column k of row t is the
    logit of keeping word t - k, given the words up to t. A column's first k rows of a sentence mean
    nothing.
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        word_size: Count = 96,
        letter_size: Count = 32,
        hidden_size: Count = 160,
        dropout: float = 0.5,
    ):
        super().__init__(CHANNELS, outputs)
        width = word_size + letter_size
        self.dropout, self.word_dropout = nn.Dropout(dropout), nn.Dropout(0.7 * dropout)
        self.words = WordLetters(words, word_size, letter_size, word_dropout=0.05)
        self.below, self.above = SentenceLSTM(width, hidden_size), SentenceLSTM(hidden_size, hidden_size)
        self.norm_below, self.norm_above = LayerNorm(hidden_size), LayerNorm(hidden_size)
        self.now = nn.Linear(hidden_size, outputs * DECISION)
        self.then = nn.Linear(hidden_size + width, outputs * DECISION)
        self.weight = nn.Parameter(torch.randn(outputs, DECISION) * 0.1)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def initial_state(self, batch: int) -> State:
        past = self.neutral.new_zeros(batch, (self.out_features - 1) * self.out_features * DECISION)
        return *self.below.initial_state(batch), *self.above.initial_state(batch), past

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *recurrent, past = state
        first = x[..., :1]
        words = self.word_dropout(self.words.step(x, ())[0])
        below, lower = self.below.step(torch.cat([first, words], -1), tuple(recurrent[:2]))
        below = self.dropout(below)
        normed, _ = self.norm_below.step(below, ())
        above, upper = self.above.step(torch.cat([first, normed], -1), tuple(recurrent[2:]))
        h, _ = self.norm_above.step(below + self.dropout(above), ())

        columns = self.out_features, DECISION
        now = self.now(h).unflatten(-1, columns)
        then = self.then(torch.cat([h, words], -1))
        then = torch.cat([past.unflatten(-1, (-1, then.shape[-1])), then], 1)
        waits, steps = self.out_features - 1, x.shape[1]
        past = then[:, steps:].flatten(1)
        then = then.unflatten(-1, columns)
        earlier = torch.stack(
            [then[:, waits - k : waits - k + steps, k] for k in range(self.out_features)], 2
        )
        y = (torch.tanh(now + earlier) * self.weight).sum(-1) + self.bias
        return y, (*lower, *upper, past)


class CompressOffline(Whole):
    """Two bidirectional LSTM layers over a whole sentence.

    x [B, T, 19], the channels of the "words" encoder -> [B, T, outputs]: the logit of keeping word t.
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        word_size: Count = 96,
        letter_size: Count = 32,
        hidden_size: Count = 128,
        dropout: float = 0.5,
    ):
        super().__init__(CHANNELS, outputs)
        width = 2 * hidden_size
        self.dropout, self.word_dropout = nn.Dropout(dropout), nn.Dropout(0.7 * dropout)
        self.words = WordLetters(words, word_size, letter_size, word_dropout=0.05)
        self.below = BidirectionalStack("lstm", word_size + letter_size, hidden_size, 1)
        self.above = BidirectionalStack("lstm", width, hidden_size, 1)
        self.norm = LayerNorm(width)
        self.hidden = nn.Linear(width + word_size + letter_size, 96)
        self.out = nn.Linear(96, outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        x = torch.where(valid[..., None], x, torch.zeros_like(x))
        words = self.word_dropout(self.words.step(x, ())[0])
        below = self.dropout(self.below(words, lengths))
        h, _ = self.norm.step(below + self.dropout(self.above(below, lengths)), ())
        decided = torch.tanh(self.hidden(torch.cat([h, words], -1)))
        return self.out(self.dropout(decided))
