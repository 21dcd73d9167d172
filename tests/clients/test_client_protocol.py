"""The client's side of a stream, without sockets: over a channel that loses and delays anything."""

import hashlib
import random
from functools import partial
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer import wire
from streamer.clients.inbox import MAX_NOTICES
from streamer.clients.notices import Gap, Refusal, Restarted
from streamer.clients.protocol import StreamProtocol
from tests.echo_engine import WINDOW, EchoEngine

ID, OWNER = b"s" * 16, b"o" * 16


def opened(window: int = 100) -> StreamProtocol:
    protocol = StreamProtocol("echo", {})
    assert sent(protocol.due(0.0, 0.0)) == [protocol.request]
    old = wire.Opened(protocol.request.request, ID, OWNER, window=window, features=())
    protocol.take(old, b"", 0.0)
    return protocol


def result(seq: int, accepted: int = 0) -> wire.Result:
    return wire.Result(ID, seq, 0, "final", 0, accepted)


def sent(parts) -> list:
    return [wire.decode_input(*message) for message in parts]


class Channel:
    """Both directions between a protocol and an engine; each message is lost with probability `loss`."""

    def __init__(self, engine: EchoEngine, loss: float, seed: int):
        self.engine, self.loss, self.random = engine, loss, random.Random(seed)
        self.now = 0.0
        self.up, self.down = [], []

    def send(self, parts) -> None:
        if self.random.random() >= self.loss:
            self.up.append(parts)

    def turn(self, protocol: StreamProtocol, waiting_since: float) -> None:
        """Some time passes; the engine takes what came, the protocol what was answered."""
        self.now += 0.05
        for parts in protocol.due(self.now, waiting_since):
            self.send(parts)
        out = []
        for parts in self.up:
            payload = parts[1] if len(parts) > 1 else b""
            out += self.engine.receive(b"", wire.decode_input(*parts), payload, self.now)
        self.up = []
        out += self.engine.tick(self.now)
        self.down += [o.message for o in out if self.random.random() >= self.loss]
        for message in self.down:
            protocol.take(message, b"", self.now)
        self.down = []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, WINDOW // 2), min_size=1, max_size=40),
    st.floats(0, 0.4),
    st.integers(0, 2**32),
    st.integers(1, 20),
)
def test_every_input_is_taken_once_in_order_whatever_is_lost(counts, loss, seed, steps):
    engine = EchoEngine(steps=steps, lease_s=1e9)
    channel, protocol = Channel(engine, loss, seed), StreamProtocol("echo", {})
    data = random.Random(seed).randbytes(2 * sum(counts))
    position = 0

    def wait(done):
        since = channel.now
        while not done():
            protocol.check()
            assert channel.now - since < 1000, "no progress"
            channel.turn(protocol, since)

    wait(lambda: protocol.opened)
    for count in counts:
        wait(partial(protocol.fits, count))
        channel.send(protocol.input(data[2 * position : 2 * (position + count)]))
        position += count
        assert protocol.kept <= WINDOW
    wait(lambda: not protocol.kept)
    while engine.due < inf:
        channel.turn(protocol, channel.now)
    assert next(iter(engine.digests.values())).digest() == hashlib.md5(data).digest()
    assert len(engine.digests) == 1
    assert [m.seq for m in engine.taken] == list(range(1, len(counts) + 1))
    channel.send(protocol.close())
    wait(lambda: protocol.closed)
    assert len(engine.digests) == 1
    assert not [n for n in protocol.inbox.notices if isinstance(n, Restarted)]


def test_gaps_are_reported_and_repeats_are_dropped():
    protocol = opened()
    for seq in (1, 2, 2, 5, 4):
        protocol.take(result(seq), b"", 0.0)
    protocol.take(wire.Closed(ID, "closed", results=7), b"", 0.0)
    assert [r.seq for r in protocol.inbox.results] == [1, 2, 5]
    assert list(protocol.inbox.notices) == [Gap(ID, 3, 4), Gap(ID, 6, 7)]


def test_notices_that_nobody_reads_are_bounded():
    protocol = opened()
    for seq in range(2, 10 * MAX_NOTICES, 2):
        protocol.take(result(seq), b"", 0.0)
    assert len(protocol.inbox.notices) == MAX_NOTICES


def test_the_window_follows_what_was_taken():
    protocol = opened(window=100)
    protocol.input(b"\0\0" * 60)
    protocol.input(b"\0\0" * 40)
    assert (protocol.free, protocol.kept) == (0, 100)
    protocol.take(wire.Ack(ID, 1, 10), b"", 0.0)
    assert (protocol.free, protocol.kept) == (0, 40)
    protocol.take(wire.Ack(ID, 2, 30), b"", 0.0)
    assert (protocol.free, protocol.kept) == (30, 0)


def test_a_hole_is_filled_once_for_all_the_inputs_that_met_it():
    protocol = opened()
    for _ in range(4):
        protocol.input(b"\0\0" * 5)
    for _ in range(3):
        protocol.take(wire.Refused("hole", "", stream=ID, expected=2), b"", 0.0)
        again = sent(protocol.due(0.01, 0.0))
        if again:
            assert [m.seq for m in again] == [2, 3, 4]
    assert not protocol.due(0.02, 0.0)


def test_an_overrun_waits_before_it_repeats():
    protocol = opened()
    protocol.input(b"\0\0")
    protocol.take(wire.Refused("overrun", "", stream=ID, expected=1, retry_after_ms=300), b"", 0.0)
    assert not protocol.due(0.2, 0.2)
    assert protocol.repeat_at == pytest.approx(0.3)
    assert [m.seq for m in sent(protocol.due(0.31, 0.31))] == [1]


def test_silence_asks_again_with_the_same_request():
    protocol = opened()
    assert not protocol.due(0.9, 0.0)
    (again,) = sent(protocol.due(1.1, 0.0))
    assert again == protocol.request
    assert not protocol.due(1.2, 0.0)


def test_a_close_without_an_answer_is_repeated_and_never_opens_another_stream():
    protocol = opened()
    protocol.input(b"\0\0")
    protocol.close()
    protocol.take(wire.Ack(ID, 1, 100), b"", 0.0)
    (again,) = sent(protocol.due(1.1, 0.0))
    assert again == wire.Close(ID, OWNER, 2)
    protocol.take(wire.Refused("unknown_stream", "", stream=ID, fatal=True), b"", 1.2)
    assert protocol.closed.reason == "lost"


def test_other_refusals_end_it():
    protocol = opened()
    protocol.input(b"\0\0")
    protocol.take(wire.Refused("fault", "the network broke", stream=ID, fatal=True), b"", 0.0)
    with pytest.raises(Refusal, match="fault: the network broke"):
        protocol.check()
    with pytest.raises(Refusal):
        protocol.input(b"\0\0")


def test_options_that_no_server_takes_are_refused_at_once():
    with pytest.raises(ValueError, match="options of 100[0-9]{3} bytes; at most 65536"):
        StreamProtocol("echo", {"hot_words": ["a" * 100_000]})
