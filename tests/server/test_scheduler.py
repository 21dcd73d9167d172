"""The scheduler: plain lists in, batches out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.server.scheduler import ENOUGH, MOST_BLOCKS, Batch, Ready, due_at, schedule


def test_streams_share_the_blocks_that_all_have():
    ready = [Ready(0, 3, 0.3), Ready(1, 1, 0.2), Ready(2, 3, 0.1), Ready(3, 1, 0.4)]
    assert schedule(ready, 8) == [Batch((2, 1, 0, 3), 1), Batch((2, 0), 2)]


def test_a_stream_far_behind_takes_part_of_what_it_has():
    ready = [Ready(0, 3, 0.0), Ready(1, 100, 0.0)]
    assert schedule(ready, 8) == [Batch((0, 1), 3), Batch((1,), MOST_BLOCKS - 3)]


def test_the_longest_waiting_comes_first_when_the_batch_is_full():
    ready = [Ready(key, 1, since) for key, since in enumerate([5.0, 1.0, 3.0, 2.0, 4.0])]
    assert schedule(ready, 2) == [Batch((1, 3), 1), Batch((2, 4), 1), Batch((0,), 1)]


def test_a_stream_without_a_block_waits():
    assert schedule([Ready(0, 0, 0.0)], 8) == []
    assert schedule([], 8) == []


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(0, 100)), max_size=60), st.integers(1, 9))
def test_every_ready_stream_takes_all_it_can(streams, max_rows):
    ready = [Ready(key, blocks, since) for key, (blocks, since) in enumerate(streams)]
    taken = [0] * len(ready)
    for batch in schedule(ready, max_rows):
        assert 1 <= len(set(batch.keys)) == len(batch.keys) <= max_rows and batch.blocks >= 1
        for key in batch.keys:
            taken[key] += batch.blocks
    # Nobody is held back by a neighbour.
    assert taken == [min(stream.blocks, MOST_BLOCKS) for stream in ready]


@given(st.permutations(range(8)))
def test_the_order_of_the_list_does_not_matter(order):
    ready = [Ready(key, key % 3 + 1, float(key * 7 % 5) + key / 100) for key in range(8)]
    assert schedule([ready[key] for key in order], 3) == schedule(ready, 3)


def test_a_step_waits_only_while_somebody_is_missing():
    assert due_at(1.0, 3, 3, 0.01) == 1.0
    assert due_at(1.0, ENOUGH - 1, ENOUGH, 0.01) == 1.01


def test_enough_streams_wait_for_nobody_and_few_gain_little():
    assert due_at(1.0, ENOUGH, 10 * ENOUGH, 0.01) == 1.0
    assert due_at(1.0, ENOUGH - 1, 10 * ENOUGH, 0.01) == 1.01
    assert due_at(1.0, 1, 2, 0.01) == pytest.approx(1.0 + 0.02 / ENOUGH)
