"""What the commands reader keeps of every stream."""

from typing import NamedTuple

import numpy as np

NEVER = -(1 << 40)  # the row of what hasn't happened yet
NOT_YET = 1 << 40  # the same, for what counts from when it happens


class StreamStates(NamedTuple):
    """The state of every stream; axis 0 is the reader's row, places are output rows."""

    unknown: np.ndarray  # whether `unknown` is told
    recent: np.ndarray  # [rows, mean_rows - 1, words] probabilities of the last output rows
    talk: np.ndarray  # [rows, talk_rows] the level of other words then
    through: np.ndarray
    ignored: np.ndarray  # output rows still to come that a flush has read already
    utterance: np.ndarray
    last_label: np.ndarray  # of the last word
    last_row: np.ndarray
    last_word_row: np.ndarray  # of the last word of the vocabulary
    last_end: np.ndarray
    speaking: np.ndarray
    level: np.ndarray
    silence: np.ndarray
    # Since the last pause:
    evidence: np.ndarray  # [rows, words] sums of probabilities
    voiced_since: np.ndarray  # the first row with a phone
    word_told: np.ndarray  # whether a word of the vocabulary was told


def streams_of(rows: int, mean_rows: int, talk_rows: int, words: int) -> StreamStates:
    """Zeros for `rows` streams, whose rows count from 1."""
    shapes = {"recent": (mean_rows - 1, words), "talk": (talk_rows,), "evidence": (words,)}
    kinds = {"recent": np.float32, "talk": np.float32, "evidence": np.float64, "level": np.float64}
    kinds |= {"last_end": np.float64, "unknown": bool, "speaking": bool, "word_told": bool}
    return StreamStates(
        *(
            np.zeros((rows + 1, *shapes.get(name, ())), kinds.get(name, np.int64))
            for name in StreamStates._fields
        )
    )


def begin(streams: StreamStates, row: int) -> None:
    """A new stream in `row`."""
    for column in streams:
        column[row] = 0
    streams.last_row[row] = streams.last_word_row[row] = NEVER
    streams.voiced_since[row] = NOT_YET
