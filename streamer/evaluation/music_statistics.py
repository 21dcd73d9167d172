"""What can be counted in pieces of music: histograms and rates, of a corpus or of what was composed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

BAR_STEPS = 16
FIFTH = 7
WIDEST = 12  # semitones; wider leaps are counted as this wide
LONGEST = 32  # steps


@dataclass(frozen=True)
class Statistics:
    """Histograms as shares of one, and rates, by name.

    `pitch_classes` count from the last bass note; `intervals` are the melodic ones of all voices;
    `harmonies` those between the outer voices modulo an octave; `durations` are in steps.
    `crossings`: the share of steps in which a voice is below its lower neighbour. `parallel_fifths`:
    of the steps in which voices move, the share in which two move together from fifth to fifth.
    `repetition`: the share of bars whose first voice was heard in a bar before. `cadences`: the
    share of pieces that end on a triad over its root, the bass having come from its dominant.
    """

    histograms: dict[str, dict[int, float]]
    rates: dict[str, float]


HISTOGRAMS = ("pitch_classes", "intervals", "harmonies", "durations")


def judge(pieces: Sequence[np.ndarray]) -> Statistics:
    """Count in pieces [T, V] of MIDI notes, the highest voice first, 0 where one is silent."""
    counted: dict[str, Counter] = {name: Counter() for name in HISTOGRAMS}
    crossings = steps = parallel = moves = repeated = bars = cadences = 0
    for piece in pieces:
        piece = _trimmed(piece)
        if not len(piece):
            continue
        tonic = int(piece[-1, -1])
        for voice in piece.T:
            for pitch, length in runs(voice):
                counted["pitch_classes"][(pitch - tonic) % 12] += length
                counted["durations"][min(length, LONGEST)] += 1
            melody = [pitch for pitch, _ in runs(voice)]
            counted["intervals"].update(
                int(np.clip(b - a, -WIDEST, WIDEST)) for a, b in zip(melody, melody[1:])
            )
        outer = piece[(piece[:, 0] > 0) & (piece[:, -1] > 0)]
        counted["harmonies"].update(((outer[:, 0] - outer[:, -1]) % 12).tolist())
        crossings += int(crossed(piece).sum())
        steps += len(piece)
        fifths, moved = _parallel_fifths(piece)
        parallel, moves = parallel + fifths, moves + moved
        again, all_bars = heard_before(piece[:, 0])
        repeated, bars = repeated + again, bars + all_bars
        cadences += _cadence(piece)
    rates = {
        "crossings": crossings / max(1, steps),
        "parallel_fifths": parallel / max(1, moves),
        "repetition": repeated / max(1, bars),
        "cadences": cadences / max(1, len(pieces)),
    }
    return Statistics({name: _shares(counts) for name, counts in counted.items()}, rates)


def distance(first: dict[int, float], second: dict[int, float]) -> float:
    """Half the sum of the differences of two histograms: 0 the same, 1 nothing in common."""
    return sum(abs(first.get(key, 0.0) - second.get(key, 0.0)) for key in first.keys() | second.keys()) / 2


def runs(voice: Iterable[int]) -> list[tuple[int, int]]:
    """The notes of a voice and for how many steps each stands; silence left out."""
    notes: list[list[int]] = []
    before = None
    for pitch in voice:
        if pitch == before and notes:
            notes[-1][1] += 1
        else:
            notes.append([int(pitch), 1])
        before = pitch
    return [(pitch, length) for pitch, length in notes if pitch > 0]


def crossed(piece: np.ndarray) -> np.ndarray:
    """In which steps of [T, V] a voice is below its lower neighbour, bool [T]."""
    upper, lower = piece[:, :-1], piece[:, 1:]
    return np.asarray(((upper < lower) & (upper > 0)).any(1))


def heard_before(melody: np.ndarray) -> tuple[int, int]:
    """How many bars of a voice [T] were heard in a bar before, and how many bars there are."""
    bars = [
        melody[start : start + BAR_STEPS].tobytes()
        for start in range(0, len(melody) - BAR_STEPS + 1, BAR_STEPS)
    ]
    return sum(bar in bars[:number] for number, bar in enumerate(bars)), len(bars)


def _trimmed(piece: np.ndarray) -> np.ndarray:
    """Without silence at both ends."""
    sounding = np.nonzero((piece > 0).any(1))[0]
    return piece[sounding[0] : sounding[-1] + 1] if len(sounding) else piece[:0]


def _parallel_fifths(piece: np.ndarray) -> tuple[int, int]:
    """Steps with parallel fifths, and steps in which two voices or more move."""
    before, after = piece[:-1].astype(int), piece[1:].astype(int)
    moves = (before != after) & (before > 0) & (after > 0)
    parallel = np.zeros(len(before), bool)
    for upper, lower in combinations(range(piece.shape[1]), 2):
        both = moves[:, upper] & moves[:, lower]
        fifth = [(notes[:, upper] - notes[:, lower]) % 12 == FIFTH for notes in (before, after)]
        same = np.sign(after[:, upper] - before[:, upper]) == np.sign(after[:, lower] - before[:, lower])
        parallel |= both & fifth[0] & fifth[1] & same
    return int(parallel.sum()), int((moves.sum(1) > 1).sum())


def _cadence(piece: np.ndarray) -> bool:
    """Whether the piece ends on a triad over its root, its bass from a fifth above or a fourth below."""
    last = {(int(note) - int(piece[-1, -1])) % 12 for note in piece[-1] if note > 0}
    bass = [pitch % 12 for pitch, _ in runs(piece[:, -1])]
    # The dominant may be played in two octaves, one after the other.
    bass = [pitch for number, pitch in enumerate(bass) if not number or pitch != bass[number - 1]]
    triad = bool(last & {3, 4}) and last <= {0, 3, 4, FIFTH} and not {3, 4} <= last
    return triad and len(bass) > 1 and (bass[-2] - bass[-1]) % 12 == FIFTH


def _shares(counts: Counter) -> dict[int, float]:
    total = sum(counts.values())
    return {key: count / total for key, count in sorted(counts.items())}
