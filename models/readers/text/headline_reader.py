"""The headline reader: units of a title as its text, in the case that the source writes them in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streamer.models.card import beside
from streamer.models.options import converted
from streamer.models.readers import Event, EventAlternative, InputMark
from streamer.models.readers.rowwise import RowState, RowStates, RowwiseReader, already_read
from streamer.models.text.words import join_words, read_words

END = 0
FIRST_WORD = 2  # the id of the word list's first word; 1 is a word that it lacks


class HeadlineCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "headline"."""

    words: str = "words.txt"  # beside the card, one a line


class HeadlineState(RowState):
    """The state of one stream."""

    source: list[str] = msgspec.field(default_factory=list)
    units: list[int] = msgspec.field(default_factory=list)
    log_probability: float = 0.0


class HeadlineReader(RowwiseReader[HeadlineState, list[float]]):
    """One final when the text is over: its title.

    Outputs [B, n, 2] are units and their log-probabilities, 0 after the title's end; unit
    2 + i is the list's word i, and past the list unit t is the source's word t.
    """

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], folder: Path, rows: int):
        card = converted(options, HeadlineCardOptions, "reader")
        if sum(len(columns) for columns in labels.values()) != 2:
            raise ValueError("labels: a headline has two columns, its units and their log-probabilities")
        self.listed = read_words(beside(folder, card.words, "reader.words"), "reader.words")
        self.rows = RowStates(HeadlineState, rows)

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = HeadlineState(options["partials"])

    def marks(self, row: int, marks: Sequence[InputMark]) -> None:
        """The words that the next rows stand for."""
        self.rows[row].source += [mark.text for mark in marks]

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, 2] of the streams in `rows`; a title is emitted only at its text's end."""
        for row, steps in zip(rows, outputs):
            state = self.rows[row]
            steps = steps[already_read(state, len(steps)) :]
            state.through += len(steps)
            state.units += [round(unit) for unit in steps[:, 0].tolist() if unit > END]
            state.log_probability += float(steps[:, 1].sum())
        return [[] for _ in rows]

    def end(self, state: HeadlineState) -> list[Event]:
        """The title of what was read."""
        if not state.source:
            return []
        text = join_words(self._words(state))
        confidence = float(np.exp(state.log_probability / (len(state.units) + 1)))
        state.source, state.units, state.log_probability = [], [], 0.0
        return [Event("final", 0, state.through, (EventAlternative(text, (), confidence),), len(text))]

    def _words(self, state: HeadlineState) -> list[str]:
        """A title's units as words: copied ones as they stand, the list's as the source writes them."""
        # A word's last form wins: the first one of a sentence is capitalised.
        written = {word.lower(): word for word in state.source}
        past = FIRST_WORD + len(self.listed)
        words = []
        for unit in state.units:
            if unit >= past:
                words.append(state.source[unit - past])
            elif unit >= FIRST_WORD:
                word = self.listed[unit - FIRST_WORD]
                words.append(written.get(word, word))
        return words
