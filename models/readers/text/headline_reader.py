"""The headline reader: units of a title as its text, in the case that the source writes them in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streamer.models.readers import Alternative, Event
from streamer.models.readers.converted import converted
from streamer.models.text.words import join_words, read_words

END = 0
FIRST_WORD = 2  # the id of the word list's first word; 1 is a word that it lacks


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "headline"."""

    words: str = "words.txt"  # beside the card, one a line


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stream may set; a title has no partials."""

    partials: bool = True


class Row(msgspec.Struct):
    """One stream's condition."""

    through: int = 0
    source: list[str] = []
    units: list[int] = []
    log_probability: float = 0.0


class HeadlineReader:
    """One final when the text is over: its title.

    Outputs [B, n, 2] are units and their log-probabilities, 0 after the title's end; unit
    2 + i is the list's word i, and past the list unit t is the source's word t.
    """

    option_names = StreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], folder: Path, rows: int):
        card = converted(options, CardOptions, "reader")
        if sum(len(columns) for columns in labels.values()) != 2:
            raise ValueError("labels: a headline has two columns, its units and their log-probabilities")
        self.listed = read_words(folder / card.words, "reader.words")
        self.rows: list[Row | None] = [None] * rows

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        return {"partials": converted(options, StreamOptions, "options").partials}

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        self.rows[row] = Row()

    def marks(self, row: int, marks: Sequence) -> None:
        """The words that the next rows stand for."""
        self.rows[row].source += [mark.text for mark in marks]

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, 2] of the streams in `rows`; a title is told at its text's end alone."""
        for which, steps in zip(rows, outputs):
            row = self.rows[which]
            row.through += len(steps)
            row.units += [round(unit) for unit in steps[:, 0].tolist() if unit > END]
            row.log_probability += float(steps[:, 1].sum())
        return [[] for _ in rows]

    def finish(self, row: int) -> list[Event]:
        """The title of what was read."""
        state = self.rows[row]
        if not state.source:
            return []
        text = join_words(self.words(state))
        sure = float(np.exp(state.log_probability / (len(state.units) + 1)))
        self.rows[row] = Row(through=state.through)
        return [Event("final", 0, state.through, (Alternative(text, (), sure),), len(text))]

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """The title of what came so far, with outputs [m, 2] drained from a copy of the network."""
        self.read([row], outputs[None])
        return self.finish(row)

    def save(self, row: int) -> bytes:
        """The row's whole condition."""
        return msgspec.msgpack.encode(self.rows[row])

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote."""
        self.rows[row] = msgspec.msgpack.decode(value, type=Row)

    def words(self, row: Row) -> list[str]:
        """A title's units as words: copied ones as they stand, the list's as the source writes them."""
        # A word's last form wins: the first one of a sentence is capitalised.
        written = {word.lower(): word for word in row.source}
        past = FIRST_WORD + len(self.listed)
        said = []
        for unit in row.units:
            if unit >= past:
                said.append(row.source[unit - past])
            elif unit >= FIRST_WORD:
                word = self.listed[unit - FIRST_WORD]
                said.append(written.get(word, word))
        return said
