"""Titles of texts: the first words of each through the headline network."""

from collections.abc import Sequence

from streamer.models.bundle.build import Model
from streamer.models.text.words import split_words
from streamer.offline.sentences import Progress, Sentences

TEXT_WORDS = 120  # of a text that its title rests on, as in training


class Headlines:
    """Writes one title for each text."""

    def __init__(self, model: Model):
        """ValueError for a card whose parts don't fit."""
        self.texts = Sentences(model)

    def write(self, texts: Sequence[str], progress: Progress = lambda words: None) -> list[str]:
        """The title of each text, empty for a text without words."""
        finals = self.texts.finals([split_words(text)[:TEXT_WORDS] for text in texts], progress)
        return [final.alternatives[0].text if final else "" for final in finals]
