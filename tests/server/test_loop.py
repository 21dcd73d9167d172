"""The loop over real sockets: hostile parts, many peers, addresses, and stopping."""

import os
import signal
import threading
import time
from contextlib import contextmanager

import msgspec
import pytest
import zmq

from streamer import wire
from streamer.clients.connection import connect
from streamer.server.loop import INTAKE_SECONDS, Loop, stopped_by_signals
from streamer.server.sockets import DISCARDED_AT_ONCE, MOST_DISCARDED, AddressError, Sockets, on_loopback
from tests.echo_engine import EchoEngine
from tests.serving import ANY_PORT, serving


class Peer:
    """A DEALER that speaks the wire by hand."""

    def __init__(self, address: str):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(address)

    def ask(self, *parts: bytes) -> wire.Output:
        self.socket.send_multipart(parts)
        return self.next()

    def next(self) -> wire.Output:
        assert self.socket.poll(5000), "no answer"
        return wire.decode_output(*self.socket.recv_multipart())


@contextmanager
def peer(server):
    peer = Peer(server.address)
    try:
        yield peer
    finally:
        peer.socket.close()


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([b""], "bad_header"),
        ([b"\xff" * 100], "bad_header"),
        ([b"\x91" * 60_000], "bad_header"),
        ([bytes(wire.MAX_HEADER_BYTES + 1)], "too_large"),
        ([b"a", b"b", b"c"], "bad_header"),
        (wire.encode(wire.Describe(), b"payload"), "bad_payload"),
        (wire.encode(wire.Audio(b"s" * 16, b"o" * 16, 1, 0), bytes(wire.MAX_PAYLOAD_BYTES + 1)), "too_large"),
        ([msgspec.msgpack.encode({"type": "Attach"})], "unsupported"),
    ],
)
def test_what_can_not_be_read_is_refused_and_others_are_undisturbed(parts, code):
    with serving(EchoEngine()) as server, peer(server) as bad, peer(server) as good:
        opened = good.ask(*wire.encode(wire.Open("q", "echo")))
        assert bad.ask(*parts).code == code
        assert isinstance(bad.ask(*wire.encode(wire.Describe())), wire.Description)
        ack = good.ask(*wire.encode(wire.Audio(opened.stream, opened.owner, 1, 0), b"ab"))
        assert (ack.stream, ack.accepted) == (opened.stream, 1)


def test_a_peer_that_sends_far_too_much_at_once_loses_only_its_own_connection():
    with serving(EchoEngine()) as server, peer(server) as bad, peer(server) as good:
        bad.socket.send_multipart([bytes(64 * 1024 * 1024)])
        assert isinstance(good.ask(*wire.encode(wire.Describe())), wire.Description)


def test_answers_to_a_peer_that_left_are_counted():
    with serving(EchoEngine(lease_s=0.1)) as server:
        with peer(server) as leaving:
            leaving.ask(*wire.encode(wire.Open("q", "echo")))
        with peer(server) as other:
            for _ in range(100):
                if server.sockets.undelivered:
                    break
                other.ask(*wire.encode(wire.Describe()))
                other.socket.poll(20)
        assert server.sockets.undelivered == 1


def test_a_port_in_use_is_one_line_that_names_it():
    with Sockets(ANY_PORT, ANY_PORT) as first:
        for inputs, publish in ((first.inputs, ANY_PORT), (ANY_PORT, first.publish)):
            with pytest.raises(AddressError) as caught:
                Sockets(inputs, publish)
            assert str(caught.value).startswith(first.inputs if inputs == first.inputs else first.publish)
            assert "\n" not in str(caught.value)
    with Sockets(first.inputs, first.publish) as again:
        assert again.inputs == first.inputs


@pytest.mark.parametrize(
    "address", ["nonsense", "tcp://", "tcp://nowhere.invalid:1", "tcp://127.0.0.1:99999"]
)
def test_an_address_that_is_none_is_one_line(address):
    with pytest.raises(AddressError) as caught:
        Sockets(address, ANY_PORT)
    assert repr(address) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_the_loop(number):
    with Sockets(ANY_PORT, ANY_PORT) as sockets:
        loop = Loop(EchoEngine(), sockets)
        peer = Peer(sockets.inputs)
        heard = []

        def speak():
            heard.append(peer.ask(*wire.encode(wire.Open("q", "echo"))))
            os.kill(os.getpid(), number)
            heard.append(peer.next())

        speaker = threading.Thread(target=speak)
        before = signal.getsignal(number)
        with stopped_by_signals(loop):
            speaker.start()
            loop.run()
        speaker.join(5)
        peer.socket.close()
        assert signal.getsignal(number) is before
        assert isinstance(heard[1], wire.Closed) and heard[1].reason == "draining"


def test_parts_too_many_are_dropped_a_few_at_a_time_and_refused():
    with Sockets(ANY_PORT, ANY_PORT) as sockets:
        peer = Peer(sockets.inputs)
        peer.socket.send_multipart([b"part"] * (2 * DISCARDED_AT_ONCE + 500 + wire.MAX_PARTS))
        peer.socket.send_multipart([b"next"])
        arrived, empty = [], 0
        while len(arrived) < 2:
            sockets.wait(50)
            if got := sockets.receive():
                arrived.append(got[1])
            elif arrived:
                empty += 1
        assert arrived == [[b"part"] * wire.MAX_PARTS, [b"next"]]
        assert empty == 2  # the engine may step in between
        peer.socket.close()


def test_a_message_of_very_many_parts_costs_nobody_else_a_stream(capsys):
    format = {"encoding": "s16", "rate": 16000, "channels": 1}
    with serving(EchoEngine()) as server, connect(server.address) as connection, peer(server) as hostile:
        stream = connection.open("echo", format=format)
        stream.send(bytes(1600))
        hostile.socket.send_multipart([b""] * (MOST_DISCARDED + 2 * DISCARDED_AT_ONCE))
        assert isinstance(hostile.next(), wire.Refused)
        stream.send(bytes(1600))
        stream.close()
        assert list(stream) is not None and stream.closed.reason == "closed"
        assert stream.closed.through == stream.position
    assert "all connections were dropped" in capsys.readouterr().err


def test_a_turn_takes_inputs_for_a_bounded_time():
    class Slow(EchoEngine):
        def receive(self, peer, message, payload, now):
            time.sleep(INTAKE_SECONDS / 4)
            self.taken.append(message)
            return []

    with Sockets(ANY_PORT, ANY_PORT) as sockets:
        peer, engine = Peer(sockets.inputs), Slow()
        for _ in range(50):
            peer.socket.send_multipart(wire.encode(wire.Describe()))
        loop = Loop(engine, sockets)
        sockets.wait(1000)
        time.sleep(0.1)  # all have arrived
        loop.turn()
        assert 1 <= len(engine.taken) <= 5
        peer.socket.close()


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("tcp://127.0.0.1:5550", True),
        ("tcp://[::1]:5550", True),
        ("ipc:///tmp/streamer", True),
        ("tcp://0.0.0.0:5550", False),
        ("tcp://[::]:5550", False),
        ("tcp://192.0.2.1:5550", False),
    ],
)
def test_an_address_that_others_reach_is_known(address, private):
    assert on_loopback(address) == private
