"""The sentiment reader, `kind = "sentiment"`: the opinion of a sentence, after each word and at its end.

Each head of the network is a list of classes; a stream takes the head that has as many as its
option `classes` says. Alternatives are the classes, the most probable first; the row without a
word after a sentence's end gives the verdict, which is the opinion after the last word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from streamer.errors import OptionError
from streamer.models.options import converted
from streamer.models.readers import Event, EventAlternative, EventWord, Kind
from streamer.models.readers.rowwise import RowStates, StreamOptions
from streamer.models.readers.text.sentence_reader import SentenceReader, SentenceState, SourceWord, softmax


class SentimentCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "sentiment"."""


class SentimentStreamOptions(StreamOptions, frozen=True, forbid_unknown_fields=True):
    """What one stream may set; no `classes` is the first head's count."""

    classes: int | None = None


class SentimentState(SentenceState):
    """The state of one stream."""

    classes: int = 0
    start: int = 0  # of the sentence, in bytes
    end: int = 0
    opinion: list[float] = msgspec.field(
        default_factory=list
    )  # probabilities after its last word; empty where it has none yet


class SentimentReader(SentenceReader[SentimentState, list[float]]):
    """Emits the probabilities of all classes of a head."""

    option_names = SentimentStreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        converted(options, SentimentCardOptions, "reader")
        self.heads: dict[int, list[str]] = {}
        self.columns: dict[int, slice] = {}
        column = 0
        for head in labels.values():
            if len(head) in self.heads:
                raise ValueError(
                    f"labels: two heads of {len(head)} classes; a stream names a head by its count"
                )
            self.heads[len(head)] = list(head)
            self.columns[len(head)] = slice(column, column + len(head))
            column += len(head)
        self.rows = RowStates(SentimentState, rows)

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        given = converted(options, SentimentStreamOptions, "options")
        classes = next(iter(self.heads)) if given.classes is None else given.classes
        if classes not in self.heads:
            there_are = " or ".join(map(str, self.heads))
            raise OptionError("options.classes", f"{classes}; this model has {there_are}")
        return {"partials": given.partials, "classes": classes}

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = SentimentState(options["partials"], classes=options["classes"])

    def prepared(self, outputs: np.ndarray) -> list[list[list[float]]]:
        """Probabilities [B, n, D], each head's for itself."""
        heads = [softmax(outputs[..., columns]) for columns in self.columns.values()]
        return np.concatenate(heads, -1).tolist()

    def read_word(self, state: SentimentState, word: SourceWord | None, output: list[float]) -> list[Event]:
        """The opinion after a word, or the verdict."""
        if word is None:
            return self.end(state)
        if not state.opinion:
            state.start = word.start
        state.end, state.opinion = word.end, output[self.columns[state.classes]]
        return [self._event("partial", state)] if state.partials else []

    def end(self, state: SentimentState) -> list[Event]:
        """The verdict on the sentence, if one has begun, and the next sentence."""
        if not state.opinion:
            return []
        event = self._event("final", state)
        state.utterance, state.opinion = state.utterance + 1, []
        return [event]

    def _event(self, kind: Kind, state: SentimentState) -> Event:
        ranked = sorted(zip(state.opinion, self.heads[state.classes]), key=lambda pair: -pair[0])
        alternatives = tuple(
            EventAlternative(label, (EventWord(label, state.start, state.end, confidence),), confidence)
            for confidence, label in ranked
        )
        confirmed = len(alternatives[0].text) if kind == "final" else 0
        return Event(kind, state.utterance, state.through, alternatives, confirmed)
