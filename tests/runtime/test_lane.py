"""Lanes: what is taken and kept in any chunking is what closing a whole sequence keeps."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.runtime.geometry import Geometry
from streamer.runtime.lane import Lane
from streamer.server.inputs.audio import Places


@st.composite
def geometries(draw) -> Geometry:
    numerator, block = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    lookahead = block * draw(st.integers(0, 3))
    return Geometry(block, Fraction(numerator, block), lookahead, np.full(1, -1, np.float32), 1)


@given(geometries(), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=12))
def test_any_chunking_takes_every_step_once_and_keeps_the_true_outputs(geometry, chunks):
    lane, taken, kept, at, given_outputs = Lane(geometry, 1), [], [], 0, 0

    def step(blocks: int) -> None:
        nonlocal given_outputs
        blocks = min(blocks, lane.blocks)
        out = np.empty((blocks * geometry.block, 1), np.float32)
        lane.take(out)
        taken.extend(out[:, 0].tolist())
        count = blocks * geometry.outputs_per_block
        true = lane.true_outputs(count)
        kept.extend(range(given_outputs, given_outputs + count)[true])
        given_outputs += count

    for pushed, blocks in chunks:
        lane.push(np.arange(at, at + pushed, dtype=np.float32)[:, None])
        at += pushed
        step(blocks)
    lane.close()
    while lane.blocks:
        step(2)
    assert lane.drained and lane.stepped == at
    assert taken[:at] == list(range(at)) and set(taken[at:]) <= {-1}
    assert len(taken) == (at + geometry.closing_steps(at) if at else 0)
    assert kept == list(range(geometry.warmup, geometry.warmup + geometry.kept(at)))


def test_a_closed_copy_leaves_the_lane_alone():
    lane = Lane(Geometry(4, Fraction(1, 4), 4, np.zeros(1, np.float32), 1), 1)
    lane.push(np.ones((6, 1), np.float32))
    copy = lane.closed_copy(np.ones((1, 1), np.float32))
    assert (copy.pushed, copy.waiting, copy.closed) == (7, 12, True)
    copy.take(np.empty((12, 1), np.float32))
    assert (lane.pushed, lane.waiting, lane.closed, lane.blocks) == (6, 6, False, 1)


def test_places_are_exact():
    # 44.1 kHz to rows of 30 ms: 1,323 samples each.
    front = Geometry(441, Fraction(160, 441) / 160, 882, np.zeros(1, np.float32), 1)
    network = Geometry(3, Fraction(1, 3), 9, np.zeros(1, np.float32), 1)
    places = Places(front, network)
    assert places.needed(0) == 0
    # Row 1 needs 3 rows more of the network, 12 frames, and 2 more of the front.
    assert places.needed(1) == 14 * 441
    # One row is 1,323 samples, exactly, however many there are.
    assert places.needed(1_000_001) - places.needed(1) == 1_323_000_000
