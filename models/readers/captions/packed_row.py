"""One stream's row of `Hypotheses` as bytes: as much of it as its counters say is in use."""

import numpy as np

from streamer.models.readers.captions import hypotheses as h

_COUNTED = [h.TOKENS, h.TRACES, h.NUM_COMMITTED, h.HOT, h.OWN]


def save(row: int, hyp: h.Hypotheses) -> bytes:
    """The state in `row` as a plain value."""
    return b"".join(part.tobytes() for part in _in_use(row, hyp))


def restore(row: int, hyp: h.Hypotheses, value: bytes) -> None:
    """Make `row` what `save` wrote. ValueError for a value of other columns."""
    counter = np.frombuffer(value, np.int32, min(h.NUM_COUNTERS, len(value) // 4))
    room = [column.shape[1] for column in (hyp.place, hyp.trace, hyp.committed, hyp.hot, hyp.own)]
    if len(counter) < h.NUM_COUNTERS or not all(
        0 <= count <= most for count, most in zip(counter[_COUNTED], room)
    ):
        raise ValueError(f"{len(value)} bytes don't hold a row of this reader")
    for column in hyp:
        column[row] = 0
    hyp.counter[row] = counter
    parts = _in_use(row, hyp)
    if len(value) != sum(part.nbytes for part in parts):
        raise ValueError(f"{len(value)} bytes don't hold a row of this reader")
    at = 0
    for part in parts:
        part[:] = np.frombuffer(value, part.dtype, part.size, at).reshape(part.shape)
        at += part.nbytes


def _in_use(row: int, hyp: h.Hypotheses) -> list[np.ndarray]:
    """Views of the columns of `row` as far as they are used; the counters come first."""
    tokens, traces, words, hot, own = hyp.counter[row, _COUNTED].tolist()
    return [
        hyp.counter[row],
        hyp.key[row],
        hyp.level[row],
        hyp.place[row, :tokens],
        hyp.mass[row, :tokens],
        hyp.trace[row, :traces],
        hyp.trace_scores[row, :traces],
        hyp.trace_key[row, :traces],
        hyp.committed[row, :words],
        hyp.committed_scores[row, :words],
        hyp.hot[row, :hot],
        hyp.own[row, :own],
        hyp.own_text[row, : hyp.own_text.shape[1] if own else 0],
    ]
