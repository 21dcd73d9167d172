"""Texts through a translation network, sentence by sentence; long sentences clause by clause."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streamer.models.bundle.build import Model
from streamer.models.readers import Event
from streamer.models.text.clauses import clauses
from streamer.models.text.masks import Masked, mask, restore
from streamer.models.text.pieces import PiecesEncoder
from streamer.models.text.translation_guard import doubts
from streamer.offline.sentences import Progress, Sentences


class Translation(NamedTuple):
    """A target, and how many words of its source were read when each of its words was complete."""

    text: str
    read: list[int]
    confidence: float = 1.0  # the geometric mean of its units' probabilities, of its worst clause
    doubts: tuple[str, ...] = ()  # why it may be wrong, of `translation_guard.DOUBTS`


class Translator:
    """Translates sentences whose words are known; a live network translates word by word."""

    def __init__(self, model: Model, options: Mapping[str, Any] = {}):
        """ValueError for a card whose parts don't fit, and for an option that the model lacks."""
        self.sentences = Sentences(model, {"partials": True, **options})
        self.most = self.sentences.encoder.most
        encoder = self.sentences.encoder
        self.known = encoder.known if isinstance(encoder, PiecesEncoder) else None
        self.doubtful_below = model.card.reader.options.get("doubtful_below", 0.0)

    def translate(
        self, sources: Sequence[Sequence[str]], progress: Progress = lambda words: None
    ) -> list[Translation]:
        """The translation of each sentence, given as its words; "" for one without words."""
        masked = [Masked(" ".join(words), {}) for words in sources]
        if self.known is not None:
            masked = [mask(text, self.known) for text, _ in masked]
        clauses_of = [
            self._clauses(text.split() if values else words) for (text, values), words in zip(masked, sources)
        ]
        events = iter(self.sentences.events([clause for split in clauses_of for clause in split], progress))
        translations = [
            _joined(split, [self._translation(clause, next(events)) for clause in split])
            for split in clauses_of
        ]
        return [
            self._guarded(" ".join(words), translation._replace(text=restore(translation.text, values)))
            for words, (_, values), translation in zip(sources, masked, translations)
        ]

    def _guarded(self, source: str, translation: Translation) -> Translation:
        """The translation with what speaks against it."""
        reasons = doubts(source, translation.text)
        if translation.confidence < self.doubtful_below:
            reasons.append("confidence")
        return translation._replace(doubts=tuple(reasons))

    def _clauses(self, words: Sequence[str]) -> list[Sequence[str]]:
        """The sentence in parts that the network can hold."""
        sizes = [len(self.sentences.encoder.steps(word, False)) for word in words]
        cuts = clauses(words, sizes, self.most) if self.most else []
        return [words[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(words)])]

    def _translation(self, words: Sequence[str], events: Sequence[Event]) -> Translation:
        """The final, and when its words came: a word is complete where it is what it will stay."""
        if not events:
            return Translation("", [])
        _, marks = self.sentences.steps(words)
        text = events[-1].alternatives[0].text
        final = text.split()
        read: list[int] = []
        for event in events:
            words_read = len({mark.start for mark in marks[: event.through] if mark.kind == "token"})
            partial = event.alternatives[0].text.split()
            while len(read) < len(partial) and partial[len(read)] == final[len(read)]:
                read.append(words_read)
        return Translation(text, read, events[-1].alternatives[0].confidence)


def _joined(parts: Sequence[Sequence[str]], translations: Sequence[Translation]) -> Translation:
    """The translations of a sentence's clauses as the sentence's."""
    texts: list[str] = []
    read: list[int] = []
    before = 0  # words of the clauses in front
    for words, translation in zip(parts, translations):
        whole = words is parts[-1] or words[-1][-1] in ".!?"
        # A clause is translated as if it were a sentence; the stop that it gets is not its own.
        texts.append(translation.text if whole else translation.text.rstrip("."))
        read += [before + count for count in translation.read]
        before += len(words)
    confidence = min((translation.confidence for translation in translations), default=1.0)
    return Translation(" ".join(text for text in texts if text), read, confidence)
