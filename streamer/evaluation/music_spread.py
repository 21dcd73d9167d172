"""What is counted in each piece of music by itself, and where most pieces of a corpus lie."""

from collections.abc import Iterable, Sequence

import numpy as np

from streamer.evaluation.music_statistics import crossed, heard_before, runs

Spread = list[float]
LOWEST, MIDDLE, HIGHEST = 1, 50, 99  # percentiles


def figures_of_pieces(pieces: Sequence[np.ndarray], voices: Sequence[str]) -> dict[str, list[float]]:
    """Figures by name, a number for each of `pieces` [T, V]: MIDI notes, 0 where a voice is silent.

    In steps: `longest_note_VOICE`; `longest_rest`, of the first voice; `longest_standstill`, in which no
    voice changes; `longest_repeat`, the longest passage of the first voice that was heard before. As
    shares: `silence`, of steps without any note; `melody_silence`, of those without one of the first
    voice; `crossings`, of steps; `bars_repeated`, of bars whose first voice was heard before.
    """
    named = [_figures(piece, voices) for piece in pieces]
    return {name: [figures[name] for figures in named] for name in named[0]}


def spread(values: Iterable[float]) -> Spread:
    """The 1st percentile, the median and the 99th percentile."""
    return [round(float(value), 3) for value in np.percentile(list(values), (LOWEST, MIDDLE, HIGHEST))]


def share_outside(values: Sequence[float], corpus: Spread) -> float:
    """The share of `values` that lie outside of the percentiles of a corpus."""
    return float(np.mean([not corpus[0] <= value <= corpus[-1] for value in values]))


def _figures(piece: np.ndarray, voices: Sequence[str]) -> dict[str, float]:
    melody = piece[:, 0]
    changes = np.concatenate([[1], (np.diff(piece, axis=0) != 0).any(1)]).cumsum()
    again, bars = heard_before(melody)
    return {
        **{f"longest_note_{voice}": _longest(notes) for voice, notes in zip(voices, piece.T)},
        "longest_rest": _longest(melody == 0),
        "longest_standstill": _longest(changes),
        "longest_repeat": _longest_repeat(melody),
        "silence": float((piece == 0).all(1).mean()),
        "melody_silence": float((melody == 0).mean()),
        "crossings": float(crossed(piece).mean()),
        "bars_repeated": again / max(1, bars),
    }


def _longest(voice: np.ndarray) -> int:
    return max((length for _, length in runs(voice)), default=0)


def _longest_repeat(melody: np.ndarray) -> int:
    """The steps of the longest passage that comes twice, the second time after the first has ended."""
    longest = 0
    for lag in range(1, len(melody)):
        longest = max(longest, min(lag, _longest(melody[lag:] == melody[:-lag])))
    return longest
