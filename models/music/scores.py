"""Pieces of music in an npz file: piano rolls of 88 keys, or the pitches of some voices."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KEYS, LOWEST_KEY = 88, 21  # a piano's keys, and the MIDI note of its first one


@dataclass(frozen=True)
class Rolls:
    """Piano rolls: each piece uint8 [T, 88] of 0 and 1; column k is the MIDI note 21 + k."""

    pieces: list[np.ndarray]


@dataclass(frozen=True)
class Voices:
    """Voices: each piece int16 [T, V] of MIDI notes, -1 where a voice is silent."""

    pieces: list[np.ndarray]


def read_scores(path: Path) -> Rolls | Voices:
    """The pieces of an npz file: `lengths`, and either `pitches` [steps, V] or `roll_packed`.

    `roll_packed` [steps, 11] holds 88 keys a step, packed by np.packbits along axis 1. ValueError,
    one line, for what isn't such a file.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file):  # a single array is no npz file
            stored = np.load(path, allow_pickle=False)
            names = ("lengths", "pitches", "roll_packed")
            arrays = {name: stored[name] for name in names if name in stored}
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except (ValueError, EOFError, zipfile.BadZipFile, NotImplementedError):
        raise ValueError(f"{path}: not an npz file of arrays") from None
    lengths = arrays.get("lengths")
    if lengths is None or lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths < 1).any():
        raise ValueError(
            f"{path}: lengths must be a list of whole numbers from 1 on, the steps of each piece"
        )
    if not len(lengths):
        raise ValueError(f"{path}: holds no piece")
    if "pitches" in arrays:
        return Voices(_cut(path, "pitches", _pitches(path, arrays["pitches"]), lengths))
    if "roll_packed" in arrays:
        return Rolls(_cut(path, "roll_packed", _unpacked(path, arrays["roll_packed"]), lengths))
    raise ValueError(f"{path}: holds neither pitches nor roll_packed")


def symbols_of(pitches: np.ndarray, lowest: int) -> np.ndarray:
    """A composer's symbols of MIDI notes [..]: 0 where silent (-1), else 1 + the notes above `lowest`."""
    return np.where(pitches < 0, 0, pitches.astype(np.int64) - lowest + 1)


def _pitches(path: Path, pitches: np.ndarray) -> np.ndarray:
    if (
        pitches.ndim != 2
        or pitches.dtype.kind not in "iu"
        or not (pitches >= -1).all()
        or (pitches > 127).any()
    ):
        raise ValueError(f"{path}: pitches must be whole numbers [steps, voices] from -1 to 127")
    return pitches.astype(np.int16)


def _unpacked(path: Path, packed: np.ndarray) -> np.ndarray:
    if packed.ndim != 2 or packed.dtype != np.uint8 or packed.shape[1] != KEYS // 8:
        raise ValueError(f"{path}: roll_packed must be uint8 [steps, {KEYS // 8}]")
    return np.unpackbits(packed, axis=1)


def _cut(path: Path, name: str, steps: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    total = sum(lengths.tolist())  # of whole numbers that don't run over
    if len(steps) != total:
        raise ValueError(f"{path}: {name} has {len(steps)} steps and lengths sum to {total}")
    return np.split(steps, np.cumsum(lengths)[:-1])
