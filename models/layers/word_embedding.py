"""Words and their letters as vectors: the first layer of networks that read text."""

import torch
from torch import Tensor, nn

from streamer.models.layers.stage import Stage, State
from streamer.models.text import words as channels

CHANNELS, WORD = channels.CHANNELS, channels.WORD
LETTERS = slice(channels.LETTERS, channels.CHANNELS)


def table_ids(x: Tensor, rows: int) -> Tensor:
    """Channels as row numbers of a table of `rows`: the nearest one for a number outside it, 0 for NaN."""
    return x.nan_to_num(0.0).clamp(0, rows - 1).long()


class WordLetters(Stage):
    """A vector of the word beside one of its letters (a convolution and a maximum, Ma 2016).

    x [B, n, 19], the channels of the "words" encoder -> [B, n, word_size + letter_size]. In training
    a share `word_dropout` of the words is unknown, so that letters and neighbours must do.
    """

    def __init__(
        self,
        words: int,
        word_size: int,
        letter_size: int,
        letters: int = 128,
        word_dropout: float = 0.0,
        window: int = 3,
    ):
        super().__init__(CHANNELS, word_size + letter_size)
        self.word_dropout = word_dropout
        self.words = nn.Embedding(words, word_size)
        self.letters = nn.Embedding(letters, 16)
        self.window = nn.Conv1d(16, letter_size, window, padding=window // 2)
        nn.init.normal_(self.words.weight, std=0.1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        word = table_ids(x[..., WORD], self.words.num_embeddings)
        letters = table_ids(x[..., LETTERS], self.letters.num_embeddings)
        if self.training and self.word_dropout:
            word = torch.where(torch.rand(word.shape) < self.word_dropout, 1, word)
        batch, steps, places = letters.shape
        spelt = self.letters(letters).reshape(batch * steps, places, -1).transpose(1, 2)
        shape = torch.tanh(self.window(spelt).amax(-1)).reshape(batch, steps, -1)
        return torch.cat([self.words(word), shape], -1), state
