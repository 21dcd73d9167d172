"""How streams ended, for a while, and with them those that they fed."""

from streamer import wire
from streamer.server import tombstones
from streamer.server.tombstones import KEPT_S, Tombstones

SOURCE, CHILD, GRANDCHILD, OTHER = (letter * 16 for letter in (b"s", b"c", b"g", b"o"))


def add(stones: Tombstones, stream: bytes, source: bytes = b"", now: float = 0.0) -> wire.Closed:
    closed = wire.Closed(stream, "closed")
    stones.add(b"w" * 16, closed, source, now)
    return closed


def test_what_a_stream_fed_is_told_with_it():
    stones = Tombstones()
    add(stones, SOURCE), add(stones, OTHER)
    child, grandchild = add(stones, CHILD, SOURCE), add(stones, GRANDCHILD, CHILD)
    assert stones.fed_by(SOURCE) == [child, grandchild]
    assert stones.fed_by(CHILD) == [grandchild]
    assert stones.fed_by(OTHER) == stones.fed_by(b"x" * 16) == []


def test_they_are_forgotten_after_a_while_and_leave_nothing():
    stones = Tombstones()
    add(stones, SOURCE), add(stones, CHILD, SOURCE)
    later = add(stones, GRANDCHILD, CHILD, 1.0)
    assert stones.get(OTHER, KEPT_S) is None
    assert stones.fed_by(SOURCE) == [] and stones.fed_by(CHILD) == [later]
    assert stones.get(GRANDCHILD, KEPT_S + 1.0) is None and stones.fed_by(CHILD) == []


def test_the_oldest_go_first_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(tombstones, "MOST", 3)
    stones = Tombstones()
    add(stones, SOURCE), add(stones, CHILD, SOURCE), add(stones, GRANDCHILD, SOURCE)
    add(stones, OTHER), add(stones, b"y" * 16)
    assert stones.get(SOURCE, 0.0) is None and stones.get(CHILD, 0.0) is None
    assert [closed.stream for closed in stones.fed_by(SOURCE)] == [GRANDCHILD]


def test_one_that_ends_again_is_told_once():
    stones = Tombstones()
    add(stones, CHILD, SOURCE)
    add(stones, OTHER)
    again = add(stones, CHILD, SOURCE, 5.0)
    assert stones.fed_by(SOURCE) == [again]
    assert stones.get(OTHER, KEPT_S) is None and stones.fed_by(SOURCE) == [again]
