"""A session by itself: plain inputs in, lanes and answers out."""

from fractions import Fraction

import numpy as np

from streamer import wire
from streamer.models.feeders.audio import AudioFormat
from streamer.models.readers import Alternative, Event, Word
from streamer.runtime.lane import Geometry, Lane
from streamer.server.inputs.intake import AudioIntake
from streamer.server.session import EndMark, FlushMark, Limits, Session

STREAM, OWNER = b"s" * 16, b"o" * 16
IDS = {"stream": STREAM, "owner": OWNER}
FRONT = Geometry(2, Fraction(1, 2), 0, np.zeros(1, np.float32), 1)
NETWORK = Geometry(2, Fraction(1, 2), 2, np.zeros(1, np.float32), 1)  # rows of 4, one row ahead


def session(window: int = 100) -> Session:
    opened = wire.Opened("request", STREAM, OWNER)
    intake = AudioIntake(AudioFormat("mulaw", 8000), Lane(FRONT, 1), Lane(NETWORK, 1))
    return Session(opened, (b"", "request"), b"peer", intake, Limits(window, ack=20, skip=1000), 0.0)


def audio(seq: int, start: int, count: int) -> tuple[wire.Audio, bytes]:
    return wire.Audio(**IDS, seq=seq, start=start), bytes(count)


def take(one: Session, *inputs: tuple[wire.StreamInput, bytes]) -> list[wire.Output | None]:
    return [one.receive(message, payload, 0.0) for message, payload in inputs]


def event(through: int, *words: Word) -> Event:
    return Event("final", 0, through, (Alternative("text", words, 1.0),))


def test_inputs_are_taken_in_order():
    one = session()
    assert take(one, audio(1, 0, 5), audio(2, 5, 5)) == [None, None]
    (repeat,) = take(one, audio(1, 0, 5))
    assert repeat == wire.Ack(STREAM, 2, 90)
    (hole,) = take(one, audio(4, 10, 5))
    assert (hole.code, hole.expected, hole.field) == ("hole", 3, "seq")
    one.feed()
    assert (one.front.pushed, one.position, one.accepted) == (10, 10, 2)


def test_a_flush_holds_back_what_follows():
    one = session()
    take(one, audio(1, 0, 3), (wire.Flush(**IDS, seq=2), b""), audio(3, 3, 4))
    one.feed()
    assert one.front.pushed == 3 and one.flushing is None
    one.front.take(np.empty((2, 1), np.float32))
    assert one.flushing == FlushMark(2)
    one.flushed()
    one.feed()
    assert one.front.pushed == 7 and one.flushing is None


def test_results_name_the_first_input_that_sufficed():
    one = session()
    take(one, audio(1, 0, 4), audio(2, 4, 2), audio(3, 6, 7))
    one.feed()
    # Row 1 ends at 4 and needs the 4 positions of row 2.
    (first,) = one.told([event(1, Word("a", 0.25, 0.75, 1.0), Word("b", 0.75, 9.0, 1.0))])
    assert (first.seq, first.through, first.accepted) == (1, 8, 3)
    # No word ends after what had been heard.
    assert [(w.start, w.end) for w in first.alternatives[0].words] == [(1, 3), (3, 8)]
    (flushed,) = one.told([event(4)], FlushMark(9))
    assert (flushed.seq, flushed.through, flushed.accepted) == (2, 13, 9)


def test_closing_names_the_close():
    one = session()
    take(one, audio(1, 0, 5), (wire.Close(**IDS, seq=2), b""))
    one.feed()
    drained, last = one.told([event(2)]), one.told([event(2)], EndMark(2, "closed"))
    assert [(r.through, r.accepted) for r in drained + last] == [(5, 2), (5, 2)]


def test_the_window_opens_as_input_is_stepped():
    one = session(window=10)
    take(one, audio(1, 0, 10))
    (refused,) = take(one, audio(2, 10, 1))
    assert (refused.code, refused.expected, one.window) == ("overrun", 2, 0)
    one.feed()
    one.front.take(np.empty((4, 1), np.float32))
    assert one.window == 4 and take(one, audio(2, 10, 4)) == [None]


def test_a_silent_stream_remembers_no_inputs():
    one, at = session(), 0
    for seq in range(1, 500):
        take(one, audio(seq, at, 6))
        at += 6
        one.feed()
        one.network.push(np.zeros((one.front.blocks, 1), np.float32))
        one.front.take(np.empty((one.front.blocks * 2, 1), np.float32))
        blocks = one.network.blocks
        one.network.take(np.empty((blocks * 2, 1), np.float32))
        one.network.true_outputs(blocks)
        one.due_ack()
    assert len(one.intake._ends) < 10
    (result,) = one.told([event(at // 4)], FlushMark(500))
    assert result.through <= at


def test_the_end_comes_once():
    one = session()
    one.finish("lease")
    one.finish("draining")
    assert one.end == EndMark(0, "lease")
    one.feed()
    assert one.front.drained and one.working
