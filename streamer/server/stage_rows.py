"""A stream's row of a stage and its lane there, to plain values and back; many rows at once."""

from collections.abc import Sequence

import numpy as np

from streamer.runtime.lane import Lane
from streamer.runtime.runner import Runner
from streamer.server.conditions import StageCondition


def save_stages(places: Sequence[tuple[Runner, Lane]]) -> list[StageCondition]:
    """The condition of each lane and its row; the rows of a runner are taken together."""
    by_runner: dict[Runner, list[int]] = {}
    for number, (runner, _) in enumerate(places):
        by_runner.setdefault(runner, []).append(number)
    saved: dict[int, StageCondition] = {}
    for runner, numbers in by_runner.items():
        lanes = [places[number][1] for number in numbers]
        state = runner.take([lane.row for lane in lanes])
        for place, (number, lane) in enumerate(zip(numbers, lanes)):
            # Most of a memory is empty: its zeros at the end are left out.
            leaves = tuple(leaf[place].tobytes().rstrip(b"\0") for leaf in state)
            saved[number] = StageCondition(lane.save(), leaves)
    return [saved[number] for number in range(len(places))]


def restore_stage(runner: Runner, lane: Lane, saved: StageCondition) -> None:
    """Make the lane and its row, which was just opened, what was saved. ValueError for another stage's."""
    like = runner.take([lane.row])
    if len(like) != len(saved.leaves):
        raise ValueError(f"{len(saved.leaves)} leaves; this stage has {len(like)}")
    runner.put(lane.row, [_leaf(given, leaf) for given, leaf in zip(saved.leaves, like)])
    lane.restore(saved.lane)


def _leaf(given: bytes, like: np.ndarray) -> np.ndarray:
    if len(given) > like.nbytes:
        raise ValueError(f"a leaf of {len(given)} bytes; this stage's has {like.nbytes}")
    # A copy, which torch may write to.
    return np.frombuffer(bytearray(given.ljust(like.nbytes, b"\0")), like.dtype).reshape(like.shape)
