"""The law of a reader of sound, on random output rows: cuts, neighbours and copies change no event."""

from collections.abc import Callable, Iterator

import numpy as np

from streamer.models.bundle.verify import LawResult
from streamer.models.readers import Event, Reader

STRETCHES, LONGEST = 40, 12  # of rows that are alike, and the rows of one


def verify_reader(make: Callable[[int], Reader], outputs: int, seed: int = 0) -> list[LawResult]:
    """Check the readers that `make` gives for a count of streams, on rows of `outputs` random numbers."""
    random = np.random.default_rng(seed)
    heard, other = _rows(random, outputs), _rows(random, outputs)
    results = []
    for law, claim, check in (
        ("cuts", "rows one by one gave other events", _one_by_one),
        ("rows", "a neighbour in the batch changed the events", _beside),
        ("save", "a stream that was saved and restored gave other events", _restored),
    ):
        try:
            passed = check(make, heard, other) == _whole(make(2), heard)
            note = "" if passed else claim
        except Exception as error:  # a user's reader may raise anything
            passed, note = False, " ".join(f"it raised {type(error).__name__}: {error}".split())
        results.append(LawResult(law, passed, 0.0 if passed else float("inf"), note))
    return results


def _rows(random: np.random.Generator, outputs: int) -> np.ndarray:
    """Output rows [n, outputs] in stretches of one winner."""
    winners = random.integers(0, outputs, STRETCHES).repeat(random.integers(1, LONGEST, STRETCHES))
    rows = random.normal(size=(len(winners), outputs)).astype(np.float32)
    rows[np.arange(len(rows)), winners] += 8
    return rows


def _whole(reader: Reader, heard: np.ndarray) -> list[Event]:
    reader.open(1, reader.parse({}))
    return reader.read([1], heard[None])[0] + reader.finish(1)


def _one_by_one(make: Callable[[int], Reader], heard: np.ndarray, other: np.ndarray) -> list[Event]:
    reader = make(2)
    reader.open(2, reader.parse({}))
    return [*_in_parts(reader, heard), *reader.finish(2)]


def _in_parts(reader: Reader, heard: np.ndarray) -> Iterator[Event]:
    for row in heard:
        yield from reader.read([2], row[None, None])[0]


def _beside(make: Callable[[int], Reader], heard: np.ndarray, other: np.ndarray) -> list[Event]:
    reader, count = make(2), min(len(heard), len(other))
    for row in (1, 2):
        reader.open(row, reader.parse({}))
    events = reader.read([2, 1], np.stack([other[:count], heard[:count]]))[1]
    return events + reader.read([1], heard[None, count:])[0] + reader.finish(1)


def _restored(make: Callable[[int], Reader], heard: np.ndarray, other: np.ndarray) -> list[Event]:
    reader, second, half = make(2), make(2), len(heard) // 2
    reader.open(1, reader.parse({}))
    events = reader.read([1], heard[None, :half])[0]
    second.open(2, second.parse({}))
    second.restore(2, reader.save(1))
    return events + second.read([2], heard[None, half:])[0] + second.finish(2)
