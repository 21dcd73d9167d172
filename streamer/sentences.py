"""Sentences that are words already, through a text model: batches of about one length, then its reader."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from models.build import Model
from models.feeders.words import words_encoder
from models.options import built
from models.readers import Event
from models.readers.build import reader
from models.stage import Stage

BATCH_STEPS = 4096  # of input, padding included, in one pass of the network

Progress = Callable[[float], None]


class Mark(NamedTuple):
    """What a step stands for: a word and its bytes in the sentence, or nothing after its end."""

    start: int
    end: int
    text: str
    kind: str


class Sentences:
    """Runs a network over whole sentences; a live one gives what it gives word by word.

    Law: a sentence's final does not depend on what else was in its batch, but for rounding.
    """

    def __init__(self, model: Model, options: dict | None = None):
        """ValueError for a card whose parts don't fit, and for an option that the reader lacks."""
        if model.card.feeder is None or model.card.feeder.kind != "words":
            raise ValueError(f"{model.name} doesn't read words")
        self.network = model.network
        given = {"folder": model.folder} | model.card.feeder.options
        self.encoder = built("feeder", "words", words_encoder, given)
        self.reader = reader(model.card, model.folder, 1)
        self.options = self.reader.parse({"partials": False} | (options or {}))

    def finals(
        self, sentences: Sequence[Sequence[str]], progress: Progress = lambda words: None
    ) -> list[Event | None]:
        """The final of each sentence, whose words' bytes count as if single spaces stood between them.

        None where a sentence has no words. `progress` is told how many words each pass has done.
        """
        found: list[Event | None] = [None] * len(sentences)
        for batch in _batches(sentences, len(self.encoder.tail(0))):
            outputs = self._outputs([sentences[index] for index in batch])
            for index, rows in zip(batch, outputs):
                found[index] = self._read(sentences[index], rows)
            progress(sum(len(sentences[index]) for index in batch))
        return found

    @torch.inference_mode()
    def _outputs(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        steps = [self._steps(sentence) for sentence in sentences]
        lengths = torch.tensor([len(step) for step in steps])
        x = torch.zeros(len(steps), int(lengths.max()), self.network.in_features)
        for row, step in zip(x, steps):
            row[: len(step)] = torch.from_numpy(step)
        y = self.network(x) if isinstance(self.network, Stage) else self.network(x, lengths)
        return [row[:length] for row, length in zip(y.numpy(), lengths.tolist())]

    def _steps(self, sentence: Sequence[str]) -> np.ndarray:
        words = [Mark(0, 0, word, "token") for word in sentence]
        steps = [self.encoder.steps(word, first=at == 0) for at, word in enumerate(words)]
        return np.concatenate([*steps, self.encoder.tail(len(sentence))])

    def _read(self, sentence: Sequence[str], rows: np.ndarray) -> Event:
        marks, at = [], 0
        for word in sentence:
            end = at + len(word.encode())
            marks.append(Mark(at, end, word, "token"))
            at = end + 1
        marks += [Mark(at, at, "", "empty")] * (len(rows) - len(marks))
        self.reader.open(0, self.options)
        self.reader.marks(0, marks)
        (events,) = self.reader.read([0], rows[None])
        return [*events, *self.reader.finish(0)][-1]


def _batches(sentences: Sequence[Sequence[str]], tail: int) -> list[list[int]]:
    """Indices of the sentences with words, those of about one length together."""
    batches: list[list[int]] = []
    for index in sorted(range(len(sentences)), key=lambda index: len(sentences[index])):
        size = len(sentences[index]) + tail
        if not sentences[index]:
            continue
        if not batches or (len(batches[-1]) + 1) * size > BATCH_STEPS:
            batches.append([])
        batches[-1].append(index)
    return batches
