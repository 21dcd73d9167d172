"""Networks that tag the words of a sentence with O, and B and I of each type of entity."""

import torch
from torch import Tensor, nn

from streamer.models.layers.crf import LinearChainCRF
from streamer.models.layers.feedforward import LayerNorm, dropout
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.layers.word_embedding import CHANNELS, WordLetters
from streamer.models.options import Count

DECISION = 64  # width of the layer before the tags


class EntitiesLive(Stage):
    """Two LSTM layers that restart with each sentence; head k waits for k more words.

    x [B, n, 19], the channels of the "words" encoder -> [B, n, outputs], `lookaheads` heads side by
    side: head k of row t holds the logits of the tags of word t - k, given the words up to t. A
    head's first k rows of a sentence mean nothing.
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        lookaheads: Count = 3,
        word_size: Count = 100,
        letter_size: Count = 48,
        hidden_size: Count = 192,
        dropout: float = 0.4,
        window: Count = 3,
    ):
        if outputs % lookaheads:
            raise ValueError(f"{outputs} outputs are no {lookaheads} heads of equal width")
        super().__init__(CHANNELS, outputs)
        width = word_size + letter_size
        self.lookaheads, self.dropout = lookaheads, dropout
        self.words = WordLetters(words, word_size, letter_size, window=window)
        self.below, self.above = SentenceLSTM(width, hidden_size), SentenceLSTM(hidden_size, hidden_size)
        self.norm_below, self.norm_above = LayerNorm(hidden_size), LayerNorm(hidden_size)
        self.now = nn.Linear(hidden_size + width, lookaheads * DECISION)
        self.then = nn.Linear(hidden_size + width, lookaheads * DECISION)
        self.tags = nn.ModuleList(nn.Linear(DECISION, outputs // lookaheads) for _ in range(lookaheads))

    def initial_state(self, batch: int) -> State:
        past = self.neutral.new_zeros(batch, (self.lookaheads - 1) * self.then.out_features)
        return *self.below.initial_state(batch), *self.above.initial_state(batch), past

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *recurrent, past = state
        first, steps = x[..., :1], x.shape[1]
        words = dropout(self.words.step(x, ())[0], self.dropout, self.training)
        below, lower = self.below.step(torch.cat([first, words], -1), tuple(recurrent[:2]))
        below = dropout(below, self.dropout, self.training)
        normed, _ = self.norm_below.step(below, ())
        above, upper = self.above.step(torch.cat([first, normed], -1), tuple(recurrent[2:]))
        h, _ = self.norm_above.step(below + dropout(above, self.dropout, self.training), ())

        both = torch.cat([h, words], -1)
        now, then = self.now(both), self.then(both)
        then = torch.cat([past.unflatten(-1, (-1, then.shape[-1])), then], 1)
        past = then[:, steps:].flatten(1)
        heads = []
        for k, tags in enumerate(self.tags):
            columns = slice(k * DECISION, (k + 1) * DECISION)
            start = self.lookaheads - 1 - k
            decided = torch.tanh(now[..., columns] + then[:, start : start + steps, columns])
            heads.append(tags(dropout(decided, self.dropout, self.training)))
        return torch.cat(heads, -1), (*lower, *upper, past)


class EntitiesOffline(Whole):
    """Bidirectional LSTM layers and a conditional random field over the tags (Lample 2016).

    x [B, T, 19], the channels of the "words" encoder -> [B, T, outputs]: log-probabilities of each
    word's tags; those outside the best path are held below the path's, so that the highest are the path.
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        word_size: Count = 100,
        letter_size: Count = 48,
        hidden_size: Count = 160,
        depth: Count = 2,
        dropout: float = 0.4,
        window: Count = 3,
    ):
        super().__init__(CHANNELS, outputs)
        self.dropout = dropout
        self.words = WordLetters(words, word_size, letter_size, window=window)
        widths = [word_size + letter_size] + [2 * hidden_size] * (depth - 1)
        self.layers = nn.ModuleList(BidirectionalStack("lstm", w, hidden_size, 1) for w in widths)
        self.hidden = nn.Linear(2 * hidden_size + word_size + letter_size, DECISION)
        self.tags = nn.Linear(DECISION, outputs)
        self.chain = LinearChainCRF(outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        emissions = self.emissions(x, lengths)
        path = self.chain.viterbi(emissions, lengths)[..., None]
        marginals = self.chain.marginals(emissions, lengths)
        of_path = marginals.gather(2, path)
        return torch.minimum(marginals, of_path - 0.01).scatter(2, path, of_path)

    def emissions(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Each tag's score [B, T, outputs] at each word, whatever stands beside it."""
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        x = torch.where(valid[..., None], x, torch.zeros_like(x))
        words = dropout(self.words.step(x, ())[0], self.dropout, self.training)
        h = words
        for layer in self.layers:
            y = dropout(layer(h, lengths), self.dropout, self.training)
            h = h + y if h.shape == y.shape else y
        decided = torch.tanh(self.hidden(torch.cat([h, words], -1)))
        return self.tags(dropout(decided, self.dropout, self.training))
