"""Texts through a translation network, sentence by sentence; long sentences clause by clause."""

from collections.abc import Sequence
from typing import NamedTuple

from streamer.models.bundle.build import Model
from streamer.models.readers import Event
from streamer.models.text.clauses import clauses
from streamer.offline.sentences import Mark, Progress, Sentences


class Translation(NamedTuple):
    """A target, and how many words of its source were read when each of its words was complete."""

    text: str
    read: list[int]


class Translator:
    """Translates sentences whose words are known; a live network says what it says word by word."""

    def __init__(self, model: Model, options: dict | None = None):
        """ValueError for a card whose parts don't fit, and for an option that the model lacks."""
        self.sentences = Sentences(model, {"partials": True} | (options or {}))
        self.most = self.sentences.encoder.most

    def translate(
        self, sources: Sequence[Sequence[str]], progress: Progress = lambda words: None
    ) -> list[Translation]:
        """The translation of each sentence, given as its words; "" for one without words."""
        parts = [self._parts(words) for words in sources]
        told = iter(self.sentences.events([part for some in parts for part in some], progress))
        return [_joined(some, [self._grown(part, next(told)) for part in some]) for some in parts]

    def _parts(self, words: Sequence[str]) -> list[Sequence[str]]:
        sizes = [len(self.sentences.encoder.steps(Mark(0, 0, word, "token"), False)) for word in words]
        cuts = clauses(words, sizes, self.most) if self.most else []
        return [words[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(words)])]

    def _grown(self, words: Sequence[str], events: Sequence[Event]) -> Translation:
        """The final, and when its words came: a word is complete where it is what it will stay."""
        if not events:
            return Translation("", [])
        _, marks = self.sentences.steps(words)
        text = events[-1].alternatives[0].text
        final, read = text.split(), []
        for event in events:
            heard = len({mark.start for mark in marks[: event.through] if mark.kind == "token"})
            said = event.alternatives[0].text.split()
            while len(read) < len(said) and said[len(read)] == final[len(read)]:
                read.append(heard)
        return Translation(text, read)


def _joined(parts: Sequence[Sequence[str]], told: Sequence[Translation]) -> Translation:
    texts, read, before = [], [], 0
    for words, one in zip(parts, told):
        whole = words is parts[-1] or words[-1][-1] in ".!?"
        # A clause is translated as if it were a sentence; the stop that it gets is not its own.
        texts.append(one.text if whole else one.text.rstrip("."))
        read += [before + count for count in one.read]
        before += len(words)
    return Translation(" ".join(text for text in texts if text), read)
