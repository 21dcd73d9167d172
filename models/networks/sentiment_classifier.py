"""Networks that judge a sentence: negative or positive, and how much so."""

import torch
from torch import Tensor, nn

from streamer.models.layers.feedforward import dropout
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State
from streamer.models.layers.whole import BidirectionalStack, Whole
from streamer.models.layers.word_embedding import CHANNELS, WORD, table_ids
from streamer.models.options import Count

DECISION = 64  # width of the layer before the classes


class SentimentLive(Stage):
    """An LSTM and attention over its outputs in the sentence so far; both restart with each sentence.

    x [B, n, 19], the channels of the "words" encoder -> [B, n, outputs]: the logits of the classes,
    given the sentence's words up to this one. The attention is a running softmax: weights
    e_t = exp(4 tanh(w h_t)), pooled p_t = sum(e h) / sum(e), both sums leaves of the state.
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        word_size: Count = 100,
        hidden_size: Count = 160,
        dropout: float = 0.5,
    ):
        super().__init__(CHANNELS, outputs)
        self.dropout = dropout
        self.words = nn.Embedding(words, word_size)
        self.lstm = SentenceLSTM(word_size, hidden_size)
        self.attention = nn.Linear(hidden_size, 1)
        self.hidden = nn.Linear(2 * hidden_size, DECISION)
        self.classes = nn.Linear(DECISION, outputs)

    def initial_state(self, batch: int) -> State:
        pooled = self.neutral.new_zeros(batch, self.lstm.hidden_size + 1)
        return *self.lstm.initial_state(batch), pooled

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *recurrent, sums = state
        first = x[..., :1]
        words = dropout(
            self.words(table_ids(x[..., WORD], self.words.num_embeddings)), self.dropout, self.training
        )
        h, after = self.lstm.step(torch.cat([first, words], -1), tuple(recurrent))
        weight = torch.exp(4 * torch.tanh(self.attention(h)))
        weighted = torch.cat([weight * h, weight], -1)
        zeros, running = torch.zeros_like(sums), []
        for restarts, added in zip((first > 0.5).unbind(1), weighted.unbind(1)):
            sums = torch.where(restarts, zeros, sums) + added
            running.append(sums)
        pooled = torch.stack(running, 1)
        pooled = pooled[..., :-1] / pooled[..., -1:]
        decided = torch.tanh(self.hidden(dropout(torch.cat([h, pooled], -1), self.dropout, self.training)))
        return self.classes(dropout(decided, self.dropout, self.training)), (*after, sums)


class SentimentOffline(Whole):
    """A bidirectional LSTM, then attention and a maximum over the sentence.

    x [B, T, 19], the channels of the "words" encoder -> [B, T, outputs]: the logits of the classes,
    the same at each word, for they depend on the whole sentence.
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        word_size: Count = 100,
        hidden_size: Count = 128,
        dropout: float = 0.5,
    ):
        super().__init__(CHANNELS, outputs)
        self.dropout = dropout
        self.words = nn.Embedding(words, word_size)
        self.lstm = BidirectionalStack("lstm", word_size, hidden_size, 1)
        self.attention = nn.Linear(2 * hidden_size, 1)
        self.hidden = nn.Linear(4 * hidden_size, DECISION)
        self.classes = nn.Linear(DECISION, outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        valid = torch.arange(x.shape[1], device=x.device)[:, None] < lengths[:, None, None]
        # `where`, not a product: what stands in the padding may be anything, NaN too.
        x = torch.where(valid, x, torch.zeros_like(x))
        words = dropout(
            self.words(table_ids(x[..., WORD], self.words.num_embeddings)), self.dropout, self.training
        )
        h = self.lstm(words, lengths)
        low = torch.finfo(h.dtype).min
        weight = torch.where(valid, 4 * torch.tanh(self.attention(h)), low).softmax(1)
        highest = torch.where(valid, h, low).amax(1)
        pooled = dropout(torch.cat([(weight * h).sum(1), highest], -1), self.dropout, self.training)
        classes = self.classes(dropout(torch.tanh(self.hidden(pooled)), self.dropout, self.training))
        return classes[:, None].expand(-1, x.shape[1], -1)
