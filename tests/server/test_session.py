"""A session by itself: plain inputs in, lanes and answers out."""

from fractions import Fraction

import numpy as np

from streamer import wire
from streamer.models.feeders.audio import AudioFormat
from streamer.models.layers.feedforward import Stack
from streamer.models.readers import Event, EventAlternative, EventWord
from streamer.runtime.cpu import CpuRunner
from streamer.runtime.geometry import Geometry
from streamer.runtime.lane import Lane
from streamer.server.inputs.audio import AudioIntake
from streamer.server.inputs.intake import Front, Limits
from streamer.server.session import EndMark, FlushMark, Session

STREAM, OWNER = b"s" * 16, b"o" * 16
IDS = {"stream": STREAM, "owner": OWNER}
FRONT = Stack(1, 2)  # a step of two positions
NETWORK = Geometry(2, Fraction(1, 2), 2, np.zeros(1, np.float32), 1)  # rows of 4, one row ahead


def session(window: int = 100) -> Session:
    opened = wire.Opened("request", STREAM, OWNER)
    runner = CpuRunner(FRONT, 1, lambda width: FRONT.step)
    front = Front(runner, Lane(runner.geometry, 1))
    limits = Limits(window, ack=20, skip=1000)
    intake = AudioIntake(AudioFormat("mulaw", 8000), front, Lane(NETWORK, 1), limits)
    return Session(wire.Open("request", "tiny"), opened, b"peer", intake, 0.0)


def audio(seq: int, start: int, count: int) -> tuple[wire.Audio, bytes]:
    return wire.Audio(**IDS, seq=seq, start=start), bytes(count)


def take(stream: Session, *inputs: tuple[wire.StreamInput, bytes]) -> list[wire.Output | None]:
    return [stream.receive(message, payload, 0.0) for message, payload in inputs]


def event(through: int, *words: EventWord) -> Event:
    return Event("final", 0, through, (EventAlternative("text", words, 1.0),))


def test_inputs_are_taken_in_order():
    stream = session()
    assert take(stream, audio(1, 0, 5), audio(2, 5, 5)) == [None, None]
    (repeat,) = take(stream, audio(1, 0, 5))
    assert repeat == wire.Ack(STREAM, 2, 90)
    (hole,) = take(stream, audio(4, 10, 5))
    assert (hole.code, hole.expected, hole.field) == ("hole", 3, "seq")
    stream.feed()
    assert (stream.front.lane.pushed, stream.position, stream.accepted) == (10, 10, 2)


def test_a_flush_holds_back_what_follows():
    stream = session()
    take(stream, audio(1, 0, 3), (wire.Flush(**IDS, seq=2), b""), audio(3, 3, 4))
    stream.feed()
    assert stream.front.lane.pushed == 3 and stream.flushing is None
    stream.front.lane.take(np.empty((2, 1), np.float32))
    assert stream.flushing == FlushMark(2)
    stream.flushed()
    stream.feed()
    assert stream.front.lane.pushed == 7 and stream.flushing is None


def test_results_name_the_first_input_that_sufficed():
    stream = session()
    take(stream, audio(1, 0, 4), audio(2, 4, 2), audio(3, 6, 7))
    stream.feed()
    # Row 1 ends at 4 and needs the 4 positions of row 2.
    (first,) = stream.results([event(1, EventWord("a", 0.25, 0.75, 1.0), EventWord("b", 0.75, 9.0, 1.0))])
    assert (first.seq, first.through, first.accepted) == (1, 8, 3)
    # No word ends after what had been heard.
    assert [(w.start, w.end) for w in first.alternatives[0].words] == [(1, 3), (3, 8)]
    (flushed,) = stream.results([event(4)], FlushMark(9))
    assert (flushed.seq, flushed.through, flushed.accepted) == (2, 13, 9)


def test_closing_names_the_close():
    stream = session()
    take(stream, audio(1, 0, 5), (wire.Close(**IDS, seq=2), b""))
    stream.feed()
    drained, last = stream.results([event(2)]), stream.results([event(2)], EndMark(2, "closed"))
    assert [(r.through, r.accepted) for r in drained + last] == [(5, 2), (5, 2)]


def test_the_window_opens_as_input_is_stepped():
    stream = session(window=10)
    take(stream, audio(1, 0, 10))
    (refused,) = take(stream, audio(2, 10, 1))
    assert (refused.code, refused.expected, stream.window) == ("overrun", 2, 0)
    stream.feed()
    stream.front.lane.take(np.empty((4, 1), np.float32))
    assert stream.window == 4 and take(stream, audio(2, 10, 4)) == [None]


def test_a_silent_stream_remembers_no_inputs():
    stream, at = session(), 0
    for seq in range(1, 500):
        take(stream, audio(seq, at, 6))
        at += 6
        stream.feed()
        stream.network.push(np.zeros((stream.front.lane.blocks, 1), np.float32))
        stream.front.lane.take(np.empty((stream.front.lane.blocks * 2, 1), np.float32))
        blocks = stream.network.blocks
        stream.network.take(np.empty((blocks * 2, 1), np.float32))
        stream.network.true_outputs(blocks)
        stream.due_ack()
    assert len(stream.intake._ends) < 10
    (result,) = stream.results([event(at // 4)], FlushMark(500))
    assert result.through <= at


def test_the_end_comes_once():
    stream = session()
    stream.finish("lease")
    stream.finish("draining")
    assert stream.end == EndMark(0, "lease")
    stream.feed()
    assert stream.front.lane.drained and stream.working
