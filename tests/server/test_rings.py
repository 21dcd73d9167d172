"""What was said last, for those who missed it."""

from streamer import wire
from streamer.server.rings import KEPT_S, MOST_RESULTS, Rings, replayed

STREAM, OTHER, OWNER = b"s" * 16, b"o" * 16, b"w" * 16


def opened(stream: bytes = STREAM, topic: str = "topic") -> wire.Opened:
    return wire.Opened("request", stream, OWNER, topic=topic)


def said(rings: Rings, seq: int, kind: str = "partial", stream: bytes = STREAM, header: bytes = b"") -> None:
    rings.add(wire.Result(stream, seq, 0, kind, 0, 0), header or f"{kind} {seq}".encode())


def numbers(rings: Rings, seq: int, stream: bytes = STREAM) -> list[int]:
    return [sent.seq for sent in rings.since(stream, seq)]


def test_the_last_results_are_kept():
    rings = Rings()
    rings.begin(opened())
    for seq in range(1, MOST_RESULTS + 11):
        said(rings, seq)
    assert numbers(rings, 1) == list(range(11, MOST_RESULTS + 11))
    assert numbers(rings, MOST_RESULTS) == list(range(MOST_RESULTS, MOST_RESULTS + 11))
    assert replayed(wire.Replay(STREAM, 1, request="q"), rings.since(STREAM, 1)) == wire.Replayed(
        STREAM, 11, MOST_RESULTS + 10, "q"
    )
    assert replayed(wire.Replay(STREAM, 9999), rings.since(STREAM, 9999)) == wire.Replayed(STREAM)


def test_nought_asks_for_the_running_utterance():
    rings = Rings()
    rings.begin(opened())
    said(rings, 1), said(rings, 2, "final"), said(rings, 3), said(rings, 4)
    assert numbers(rings, 0) == [3, 4]
    said(rings, 5, "final")
    assert numbers(rings, 0) == []


def test_what_is_said_again_stands_for_the_first():
    rings = Rings()
    rings.begin(opened())
    for seq in (1, 2, 3, 4):
        said(rings, seq)
    said(rings, 3, header=b"again 3")
    assert [sent.header for sent in rings.since(STREAM, 2)] == [b"partial 2", b"again 3"]


def test_what_is_not_published_is_its_owners_alone():
    rings = Rings()
    rings.begin(opened(topic=""))
    said(rings, 1)
    assert rings.since(STREAM, 1, b"x" * 16) is None
    assert len(rings.since(STREAM, 1, OWNER)) == 1
    assert rings.since(OTHER, 1, OWNER) is None


def test_what_a_stream_feeds_is_its_owners_too_and_nobody_elses():
    rings, nobody, third = Rings(), bytes(wire.ID_BYTES), b"t" * 16
    rings.begin(opened(topic=""))
    rings.begin(wire.Opened("request/fed", OTHER, nobody, source=STREAM))
    rings.begin(wire.Opened("request/fed/fed", third, nobody, source=OTHER))
    for stream in (OTHER, third):
        said(rings, 1, stream=stream)
        assert rings.since(stream, 1, nobody) is None and rings.since(stream, 1) is None
        assert len(rings.since(stream, 1, OWNER)) == 1


def test_a_stream_that_ended_is_kept_for_a_while_and_may_come_back():
    rings = Rings()
    for stream in (STREAM, OTHER):
        rings.begin(opened(stream))
        said(rings, 1, stream=stream)
    rings.end(STREAM, 0.0)
    assert numbers(rings, 1) == [1]
    rings.begin(opened())
    assert numbers(rings, 1) == [1]
    rings.end(STREAM, 1.0)
    rings.end(OTHER, KEPT_S + 2.0)
    assert rings.since(STREAM, 1) is None and numbers(rings, 1, OTHER) == [1]


def test_all_rings_together_are_bounded():
    rings = Rings(most_bytes=10_000)
    for number in range(50):
        stream = bytes([number]) * 16
        rings.begin(opened(stream))
        for seq in range(1, 4):
            said(rings, seq, stream=stream, header=b"x" * 200)
        rings.end(stream, 0.0)
    kept = [len(rings.since(bytes([number]) * 16, 1) or ()) for number in range(50)]
    assert sum(kept) * 200 <= 10_000 and kept[-1] == 3 and kept[0] == 0
    rings.begin(opened())
    for seq in range(1, 80):
        said(rings, seq, header=b"x" * 200)
    assert numbers(rings, 1)[-1] == 79 and len(numbers(rings, 1)) <= 50
