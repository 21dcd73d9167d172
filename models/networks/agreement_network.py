"""Networks that predict the number of the next verb, singular or plural, and the next word."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.feedforward import dropout
from streamer.models.layers.recurrent import LSTM, cell_named
from streamer.models.layers.sentence_recurrent import SentenceRecurrent
from streamer.models.layers.stage import Stage, State
from streamer.models.layers.word_embedding import CHANNELS, WordLetters
from streamer.models.options import Count


class AgreementLive(Stage):
    """One recurrent layer over words; after each it gives the number of the next verb.

    x [B, n, 19], the channels of the "words" encoder -> [B, n, outputs]: the logits of the numbers.
    `next_words` gives the logits of the word that follows, which is learned too; input and output
    share the embedding of the words (Press & Wolf 2017).
    """

    def __init__(
        self,
        words: Count,
        outputs: Count,
        cell: str = "lstm",
        word_size: Count = 64,
        letter_size: Count = 32,
        hidden_size: Count = 128,
        dropout: float = 0.3,
    ):
        super().__init__(CHANNELS, outputs)
        self.dropout = dropout
        self.words = WordLetters(words, word_size, letter_size)
        layer = cell_named(cell)(word_size + letter_size, hidden_size)
        self.recurrent = SentenceRecurrent(layer)
        self.number = nn.Linear(hidden_size, outputs)
        self.guess = nn.Linear(hidden_size, word_size)
        self.word_bias = nn.Parameter(torch.zeros(words))
        if isinstance(layer, LSTM):
            # A forget gate that is open at first (Jozefowicz 2015).
            nn.init.constant_(layer.input_bias[hidden_size : 2 * hidden_size], 1.0)

    def initial_state(self, batch: int) -> State:
        return self.recurrent.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, state = self.hidden(x, state)
        return self.number(h), state

    def hidden(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The recurrent layer's output after each word [B, n, hidden_size], and its state."""
        h, state = self.recurrent.step(self.inputs(x), state)
        return dropout(h, self.dropout, self.training), state

    def inputs(self, x: Tensor) -> Tensor:
        """The recurrent layer's input: the mark of a first word, then the word's vector."""
        words, _ = self.words.step(x, ())
        return torch.cat([x[..., :1], dropout(words, self.dropout, self.training)], -1)

    def next_words(self, h: Tensor, among: Tensor | None = None) -> Tensor:
        """Logits [..., words] of the word after each h; of the words `among` [K] alone, if given."""
        table: Tensor = self.words.words.weight
        bias: Tensor = self.word_bias
        if among is not None:
            table, bias = table[among], bias[among]
        return F.linear(self.guess(h), table, bias)
