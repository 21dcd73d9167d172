"""Networks that expect a verb: singular or plural, and which word may come next."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.bundle.options import Count
from streamer.models.layers.feedforward import dropped
from streamer.models.layers.recurrent import LSTM, Recurrent, cell_named
from streamer.models.layers.stage import Stage, State
from streamer.models.layers.word_embedding import CHANNELS, WordLetters


class Anew(Stage):
    """A recurrent layer whose state is the initial one again before every step marked as a first one.

    x [B, n, 1 + C], the mark (above a half: the first step of a sentence) beside the input ->
    [B, n, hidden_size].
    """

    def __init__(self, cell: Recurrent):
        super().__init__(cell.in_features + 1, cell.out_features)
        self.cell = cell

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        start, outputs = self.initial_state(len(x)), []
        for one in x.split(1, 1):
            begins = one[:, 0, :1] > 0.5
            state = tuple(torch.where(begins, new, old) for new, old in zip(start, state))
            y, state = self.cell.step(one[..., 1:], state)
            outputs.append(y)
        return torch.cat(outputs, 1), state


class AgreementLive(Stage):
    """One recurrent layer over words; it says after each what number the next verb has.

    x [B, n, 19], the channels of the "words" encoder -> [B, n, outputs]: the logits of the numbers.
    `next_words` are those of the word that follows, which is learnt beside it: the embedding of the
    words is that of the guesses too (Press & Wolf 2017).
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
        self.recurrent = Anew(cell_named(cell)(word_size + letter_size, hidden_size))
        self.number = nn.Linear(hidden_size, outputs)
        self.guess = nn.Linear(hidden_size, word_size)
        self.word_bias = nn.Parameter(torch.zeros(words))
        if isinstance(self.recurrent.cell, LSTM):
            # Remember at first (Jozefowicz 2015).
            nn.init.constant_(self.recurrent.cell.input_bias[hidden_size : 2 * hidden_size], 1.0)

    def initial_state(self, batch: int) -> State:
        return self.recurrent.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, state = self.hidden(x, state)
        return self.number(h), state

    def hidden(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """What the recurrent layer gives after each word [B, n, hidden_size], and its state."""
        h, state = self.recurrent.step(self.inputs(x), state)
        return self._dropped(h), state

    def inputs(self, x: Tensor) -> Tensor:
        """What the recurrent layer takes: the mark of a first word, then the word's vector."""
        words, _ = self.words.step(x, ())
        return torch.cat([x[..., :1], self._dropped(words)], -1)

    def next_words(self, h: Tensor, among: Tensor | None = None) -> Tensor:
        """Logits [..., words] of the word after each h; of the words `among` [K] alone, if given."""
        table, bias = self.words.words.weight, self.word_bias
        if among is not None:
            table, bias = table[among], bias[among]
        return F.linear(self.guess(h), table, bias)

    def _dropped(self, x: Tensor) -> Tensor:
        return dropped(x, self.dropout) if self.training else x
