"""States of many streams as columns of arrays, a row of each for every stream."""

from collections.abc import Iterable

import numpy as np


def save_row(columns: Iterable[np.ndarray], row: int) -> bytes:
    """The state in `row` as a plain value."""
    return b"".join(column[row].tobytes() for column in columns)


def restore_row(columns: Iterable[np.ndarray], row: int, value: bytes) -> None:
    """Make the state in `row` what `save_row` wrote. ValueError for a value of other columns."""
    views = [column[row : row + 1] for column in columns]
    if len(value) != sum(view.nbytes for view in views):
        raise ValueError(f"{len(value)} bytes don't hold a row of this reader")
    at = 0
    for view in views:
        view[:] = np.frombuffer(value, view.dtype, view.size, at).reshape(view.shape)
        at += view.nbytes
