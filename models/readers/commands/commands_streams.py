"""What the commands reader keeps of every stream."""

from typing import NamedTuple

import numpy as np

NEVER = -(1 << 40)  # the row of what hasn't happened yet
NOT_YET = 1 << 40  # the same, for what counts from when it happens


class Streams(NamedTuple):
    """The condition of every stream; axis 0 is the reader's row, places are output rows."""

    unknown: np.ndarray  # whether `unknown` is told
    recent: np.ndarray  # [rows, mean_rows - 1, words] probabilities of the last output rows
    talk: np.ndarray  # [rows, talk_rows] the level of other words then
    through: np.ndarray
    ignored: np.ndarray  # output rows still to come that a flush has read already
    utterance: np.ndarray
    said: np.ndarray  # label of the last word
    said_at: np.ndarray
    named_at: np.ndarray  # the last word of the vocabulary
    ended_at: np.ndarray
    speaking: np.ndarray
    level: np.ndarray
    silence: np.ndarray
    # Since the last pause:
    evidence: np.ndarray  # [rows, words] sums of probabilities
    sounding_since: np.ndarray  # the first row with a phone
    told: np.ndarray  # whether a word of the vocabulary was told


def streams_of(rows: int, mean_rows: int, talk_rows: int, words: int) -> Streams:
    """Zeros for `rows` streams, whose rows count from 1."""
    shapes = {"recent": (mean_rows - 1, words), "talk": (talk_rows,), "evidence": (words,)}
    kinds = {"recent": np.float32, "talk": np.float32, "evidence": np.float64, "level": np.float64}
    kinds |= {"ended_at": np.float64, "unknown": bool, "speaking": bool, "told": bool}
    return Streams(
        *(np.zeros((rows + 1, *shapes.get(name, ())), kinds.get(name, np.int64)) for name in Streams._fields)
    )


def begin(streams: Streams, row: int) -> None:
    """A new stream in `row`."""
    for column in streams:
        column[row] = 0
    streams.said_at[row] = streams.named_at[row] = NEVER
    streams.sounding_since[row] = NOT_YET


def save(streams: Streams, row: int) -> bytes:
    """The row's whole condition."""
    return b"".join(column[row].tobytes() for column in streams)


def restore(streams: Streams, row: int, value: bytes) -> None:
    """Make `row` what `save` wrote. ValueError for a value of another reader."""
    if len(value) != sum(column[row].nbytes for column in streams):
        raise ValueError(f"{len(value)} bytes don't hold a row of this reader")
    at = 0
    for column in streams:
        size = column[row].nbytes
        column[row] = np.frombuffer(value[at : at + size], column.dtype).reshape(column.shape[1:])
        at += size
