"""The scheduler: plain lists in, batches out."""

from hypothesis import given
from hypothesis import strategies as st

from streamer.scheduler import BLOCK_COUNTS, MOST_BLOCKS, Batch, Ready, due_at, schedule


def test_streams_go_together_as_far_as_they_can():
    ready = [Ready(0, 2, 0.3), Ready(1, 1, 0.2), Ready(2, 7, 0.1), Ready(3, 1, 0.4)]
    assert schedule(ready, 8) == [Batch((2, 1, 0, 3), 1), Batch((2, 0), 1), Batch((2,), 4), Batch((2,), 1)]


def test_the_longest_waiting_comes_first_when_the_batch_is_full():
    ready = [Ready(key, 1, since) for key, since in enumerate([5.0, 1.0, 3.0, 2.0, 4.0])]
    assert schedule(ready, 2) == [Batch((1, 3), 1), Batch((2, 4), 1), Batch((0,), 1)]


def test_a_stream_without_a_block_waits():
    assert schedule([Ready(0, 0, 0.0)], 8) == []
    assert schedule([], 8) == []


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(0, 100)), max_size=60), st.integers(1, 9))
def test_every_stream_takes_its_blocks(streams, max_rows):
    ready = [Ready(key, blocks, since) for key, (blocks, since) in enumerate(streams)]
    batches = schedule(ready, max_rows)
    for one in ready:
        taken = sum(batch.blocks for batch in batches if one.key in batch.keys)
        assert taken == min(one.blocks, MOST_BLOCKS)
    for batch in batches:
        assert 1 <= len(batch.keys) <= max_rows and batch.blocks in BLOCK_COUNTS
        assert len(set(batch.keys)) == len(batch.keys)


@given(st.permutations(range(8)))
def test_the_order_of_the_list_does_not_matter(order):
    ready = [Ready(key, key % 3 + 1, float(key * 7 % 5) + key / 100) for key in range(8)]
    assert schedule([ready[key] for key in order], 3) == schedule(ready, 3)


def test_a_step_waits_only_while_somebody_is_missing():
    assert due_at(1.0, 3, 3, 0.01) == 1.0
    assert due_at(1.0, 2, 3, 0.01) == 1.01
