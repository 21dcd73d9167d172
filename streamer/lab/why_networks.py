"""Three networks that mark the words of a sentence that are part of a name, and what each costs."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from streamer.models.layers.recurrent import plain_stack
from streamer.models.layers.word_embedding import WordLetters

PADDED = 40  # words that the feed-forward network takes, no more and no fewer
WORD, LETTER = 24, 24  # sizes of a word's vector
HIDDEN = 96
KERNEL = 5  # words that the convolution sees at once
KINDS = 2  # name or not


class Cost(NamedTuple):
    """Weights without the words' vectors, and multiplications for a sentence of T words: fixed + each * T."""

    parameters: int
    fixed: int
    each: int


class Marker(nn.Module):
    """Word vectors, then `between`: x [B, T, 19] of the "words" encoder -> logits [B, T, 2]."""

    def __init__(self, words: int, between: nn.Module):
        super().__init__()
        self.words, self.between = WordLetters(words, WORD, LETTER, word_dropout=0.1), between

    def forward(self, x: Tensor) -> Tensor:
        return self.between(self.words.step(x, ())[0])


class FeedForward(nn.Module):
    """All words side by side, padded with zeros: [B, T, C] -> [B, T, 2]; words past `PADDED` are cut off."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(PADDED * (WORD + LETTER), HIDDEN)
        self.out = nn.Linear(HIDDEN, PADDED * KINDS)

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[1]
        fitted = nn.functional.pad(x[:, :PADDED], (0, 0, 0, max(0, PADDED - steps)))
        y = self.out(torch.relu(self.hidden(fitted.flatten(1)))).unflatten(1, (PADDED, KINDS))
        # Of what it never sees it can say nothing: no name is the more frequent answer.
        beyond = y.new_tensor([1.0, 0.0]).expand(len(x), max(0, steps - PADDED), KINDS)
        return torch.cat([y[:, :steps], beyond], 1)


class Convolution(nn.Module):
    """The same weights at every word, over it and two on each side: [B, T, C] -> [B, T, 2]."""

    def __init__(self):
        super().__init__()
        self.window = nn.Conv1d(WORD + LETTER, HIDDEN, KERNEL, padding=KERNEL // 2)
        self.out = nn.Linear(HIDDEN, KINDS)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.window(x.transpose(1, 2))).transpose(1, 2))


class RecurrentNetwork(nn.Module):
    """RNN layers, the same weights at every word, over it and all before it: [B, T, C] -> [B, T, 2]."""

    def __init__(self, depth: int = 1):
        super().__init__()
        self.layers = plain_stack("rnn", WORD + LETTER, HIDDEN, depth)
        self.out = nn.Linear(HIDDEN, KINDS)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layers(x))


BETWEEN = {"feed-forward": FeedForward, "convolution": Convolution, "rnn": RecurrentNetwork}


def cost(name: str) -> Cost:
    """What the network of that name costs."""
    parameters = sum(weight.numel() for weight in BETWEEN[name]().parameters())
    width = WORD + LETTER
    if name == "feed-forward":
        return Cost(parameters, PADDED * (width + KINDS) * HIDDEN, 0)
    if name == "convolution":
        return Cost(parameters, 0, (KERNEL * width + KINDS) * HIDDEN)
    return Cost(parameters, 0, (width + HIDDEN + KINDS) * HIDDEN)
