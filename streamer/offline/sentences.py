"""Sentences that are words already, through a text model: batches of about one length, then its reader."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from streamer.models.bundle.build import Model
from streamer.models.feeders.encoders import reading
from streamer.models.feeders.text import Mark
from streamer.models.layers.stage import Stage
from streamer.models.readers import Event
from streamer.models.readers.build import reader
from streamer.models.text.words import split_words

BATCH_STEPS = 4096  # of input, padding included, in one pass of the network
HEADLINE_WORDS = 120  # of a text that its title rests on, as in training

Progress = Callable[[float], None]


class Sentences:
    """Runs a network over whole sentences; a live one word by word.

    Law: a sentence's final does not depend on what else was in its batch, except for rounding.
    """

    def __init__(self, model: Model, options: Mapping[str, Any] = {}):
        """ValueError for a card whose parts don't fit, and for an option that the reader lacks."""
        self.network = model.network
        encoder = reading(model.card, model.folder).encoder
        self.reader = reader(model.card, model.folder, 1, model.allowed)
        options = {"partials": False, **options}
        for_encoder = {name: options[name] for name in encoder.option_names if name in options}
        self.encoder = encoder.opened(encoder.parse(for_encoder))
        rest = {name: value for name, value in options.items() if name not in for_encoder}
        self.options = self.reader.parse(rest)

    def finals(
        self, sentences: Sequence[Sequence[str]], progress: Progress = lambda words: None
    ) -> list[Event | None]:
        """The final of each sentence, whose words' bytes count as if single spaces stood between them.

        None where a sentence has no words. `progress` is called with the words that each pass has done.
        """
        return [events[-1] if events else None for events in self.events(sentences, progress)]

    def events(
        self, sentences: Sequence[Sequence[str]], progress: Progress = lambda words: None
    ) -> list[list[Event]]:
        """All events of each sentence's reader, the final last; `through` counts rows."""
        events: list[list[Event]] = [[] for _ in sentences]
        for batch in _batches(sentences, len(self.encoder.tail(0))):
            steps = [self.steps(sentences[index]) for index in batch]
            for index, own, rows in zip(batch, steps, self._outputs([x for x, _ in steps])):
                events[index] = self._read(own[1], rows)
            progress(sum(len(sentences[index]) for index in batch))
        return events

    def steps(self, sentence: Sequence[str]) -> tuple[np.ndarray, list[Mark]]:
        """A sentence's input steps [n, C], and the mark of each."""
        steps: list[np.ndarray] = []
        marks: list[Mark] = []
        byte = 0
        for word in sentence:
            end = byte + len(word.encode())
            mark = Mark(byte, end, word, "token", end)
            steps.append(self.encoder.steps(word, first=not marks))
            # A word has no step where the encoder gives it none; of several the first is the word itself.
            marks += [mark if step == 0 else mark._replace(kind="piece") for step in range(len(steps[-1]))]
            byte = end + 1
        steps.append(self.encoder.tail(len(marks)))
        marks += [Mark(byte, byte, "", "empty", byte)] * len(steps[-1])
        return np.concatenate(steps), marks

    @torch.inference_mode()
    def _outputs(self, steps: Sequence[np.ndarray]) -> list[np.ndarray]:
        lengths = torch.tensor([len(step) for step in steps])
        x = pad_sequence([torch.from_numpy(step) for step in steps], batch_first=True)
        y = self.network(x) if isinstance(self.network, Stage) else self.network(x, lengths)
        rows = -(-lengths * self.network.ratio.numerator // self.network.ratio.denominator)
        return [row[:count] for row, count in zip(y.numpy(), rows.tolist())]

    def _read(self, marks: Sequence[Mark], rows: np.ndarray) -> list[Event]:
        self.reader.open(1, self.options)
        self.reader.marks(1, marks)
        (events,) = self.reader.read([1], rows[None])
        return [*events, *self.reader.finish(1)]


class Headlines:
    """Writes one title for each text, from its first words."""

    def __init__(self, model: Model, options: Mapping[str, Any] = {}):
        """ValueError for a card whose parts don't fit, and for an option that the reader lacks."""
        self.texts = Sentences(model, options)

    def write(self, texts: Sequence[str], progress: Progress = lambda words: None) -> list[str]:
        """The title of each text, empty for a text without words."""
        finals = self.texts.finals([split_words(text)[:HEADLINE_WORDS] for text in texts], progress)
        return [final.alternatives[0].text if final else "" for final in finals]


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
