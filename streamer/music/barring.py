"""The bar lines of a piece, and the signatures that it was given or that its notes tell."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from streamer.models.music.metre import changes_of
from streamer.music.piece import Piece
from streamer.music.signatures import COMMON, Key, Time, key_of_notes, time_by_chords, time_by_rests


class Bar(NamedTuple):
    """Steps from `start` up to `end`, which lies beyond the piece's last step where the bar goes on."""

    start: int
    end: int
    time: Time
    is_upbeat: bool


def signed(piece: Piece) -> Piece:
    """`piece` with times, an upbeat and keys: its own, or what its notes tell."""
    if not piece.times:
        time, upbeat = _time(piece)
        piece = replace(piece, times={0: time}, upbeat=upbeat)
    return piece if piece.keys else replace(piece, keys={0: _key(piece)})


def bars(piece: Piece) -> list[Bar]:
    """The bars of a piece that is signed; a new time begins a new bar."""
    upbeat = [Bar(0, piece.upbeat, piece.times[0], True)] if piece.upbeat else []
    found, start = upbeat, piece.upbeat
    while start < len(piece.steps):
        time = piece.times[max(step for step in piece.times if step <= start)]
        end = start + (time.steps(piece.steps_per_beat) or COMMON.beats * piece.steps_per_beat)
        end = min([end, *(step for step in piece.times if start < step < end)])
        found.append(Bar(start, end, time, False))
        start = end
    return found


def _time(piece: Piece) -> tuple[Time, int]:
    steps = np.array(piece.steps, np.int64).reshape(len(piece.steps), -1)
    places = np.array(piece.part_of_place)
    for part, width in enumerate(piece.widths):
        if width > 1:
            changes = np.flatnonzero((np.diff(steps[:, places == part], axis=0) != 0).any(1)) + 1
            return time_by_chords(changes, changes_of(steps[:, 0]), piece.steps_per_beat)
    edges = np.flatnonzero((np.diff(steps, axis=0) != 0).any(1)) + 1
    edges = np.concatenate([[0], edges, [len(steps)]])
    standing = edges[:-1][np.diff(edges) > piece.steps_per_beat]
    return time_by_rests(standing, piece.steps_per_beat)


def _key(piece: Piece) -> Key:
    sounding = [note for step in piece.steps for note in step if note]
    if not sounding:
        return Key(0, False)
    last = next(step for step in reversed(piece.steps) if any(step))
    histogram = np.bincount(np.array(sounding) % 12, minlength=12)
    return key_of_notes(histogram.tolist(), min(note for note in last if note))
