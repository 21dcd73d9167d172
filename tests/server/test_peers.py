"""What one address may have, and how a server that is short of memory sheds load."""

import time

import pytest

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.subscriber import Subscriber
from streamer.server.loop import Loop
from streamer.server.memory import MemoryWatch, machine_bytes
from streamer.server.peers import BURST_S, PeerLimits, Peers
from streamer.server.sockets import Sockets
from tests.echo_engine import EchoEngine
from tests.serving import ANY_PORT, serving

HOME, AWAY = "192.0.2.1", "192.0.2.2"
FORMAT = {"encoding": "s16", "rate": 8000, "channels": 2}


def open_streams(peers: Peers, address: str, count: int, request: str = "r") -> list[bytes]:
    streams = [f"{address}{number}".encode().ljust(wire.ID_BYTES) for number in range(count)]
    for stream in streams:
        assert peers.refuse(address, wire.Open(request, "m"), 0, 0.0) is None
        options = {"format": FORMAT}
        peers.told(address, wire.Opened(request, stream, b"o" * 16, window=1000, options=options))
    return streams


def audio(stream: bytes) -> wire.Audio:
    return wire.Audio(stream, b"o" * 16, 1, 0)


def next_message(socket, kind):
    while socket.poll(5000):
        message = wire.decode_output(*socket.recv_multipart())
        if isinstance(message, kind):
            return message
    raise AssertionError(f"no {kind.__name__} came")


def next_refused(socket) -> wire.Refused:
    return next_message(socket, wire.Refused)


def test_an_address_has_so_many_streams_and_others_theirs():
    peers = Peers(PeerLimits(streams=3))
    first, *_ = open_streams(peers, HOME, 3)
    refused = peers.refuse(HOME, wire.Open("r", "m"), 0, 0.0)
    assert (refused.code, refused.request) == ("full", "r") and HOME in refused.message
    open_streams(peers, AWAY, 3)
    peers.told(HOME, wire.Closed(first, "closed"))
    assert peers.refuse(HOME, wire.Open("r", "m"), 0, 0.0) is None


def test_an_address_with_all_its_streams_finds_back_to_them():
    peers, request = Peers(PeerLimits(streams=2)), "a request that nobody guesses"
    stream, _ = open_streams(peers, HOME, 2, request)
    for address in (HOME, AWAY):
        assert peers.refuse(address, wire.Resume("again", stream, b"o" * 16), 0, 0.0) is None
    assert peers.refuse(HOME, wire.Resume("again", b"another".ljust(16), b"o" * 16), 0, 0.0).code == "full"
    assert peers.refuse(HOME, wire.Open(request, "m"), 0, 0.0) is None
    assert peers.refuse(HOME, wire.Open(request + "?", "m"), 0, 0.0).code == "full"


def test_a_request_that_another_connection_may_use_for_another_stream_finds_none():
    peers, resumed = Peers(PeerLimits(streams=2)), "of a resumption, which no Open repeats"
    open_streams(peers, HOME, 1, "short")
    peers.told(HOME, wire.Opened(resumed, b"s" * 16, b"o" * 16, incarnation=wire.Incarnation(1, b"x")))
    for request in ("short", resumed):
        assert peers.refuse(HOME, wire.Open(request, "m"), 0, 0.0).code == "full"


def test_what_a_stream_feeds_is_not_counted():
    peers = Peers(PeerLimits(streams=2))
    (source,) = open_streams(peers, HOME, 1)
    for number in range(5):
        peers.told(HOME, wire.Opened("r/m", bytes([number]) * 16, b"o" * 16, source=source))
    assert peers.refuse(HOME, wire.Open("r", "m"), 0, 0.0) is None


def test_an_address_sends_so_many_inputs_a_second():
    peers = Peers(PeerLimits(inputs_per_s=100))
    taken = [peers.refuse(HOME, wire.Describe(), 0, 1.0) is None for _ in range(300)]
    assert sum(taken) == BURST_S * 100
    assert peers.refuse(AWAY, wire.Describe(), 0, 1.0) is None
    refused = peers.refuse(HOME, audio(b"s" * 16), 0, 1.0)
    assert (refused.code, refused.stream) == ("overrun", b"s" * 16) and refused.retry_after_ms
    assert peers.refuse(HOME, wire.Describe(), 0, 1.02) is None


def test_so_many_bytes_of_an_address_wait():
    peers = Peers(PeerLimits(waiting_bytes=1000))
    first, second = open_streams(peers, HOME, 2)
    (other,) = open_streams(peers, AWAY, 1)
    for stream in (first, second):
        assert peers.refuse(HOME, audio(stream), 400, 0.0) is None
        peers.took(audio(stream), 400)
    assert peers.refuse(HOME, audio(first), 400, 0.0).code == "overrun"
    assert peers.refuse(AWAY, audio(other), 400, 0.0) is None
    peers.told(HOME, wire.Ack(first, 1, window=975))  # 25 positions of 4 bytes still wait
    assert peers.refuse(HOME, audio(first), 400, 0.0) is None
    peers.told(HOME, wire.Closed(second, "closed"))
    assert peers.refuse(HOME, audio(first), 900, 0.0) is None


def test_idle_addresses_are_forgotten_and_those_with_streams_are_not():
    peers = Peers(PeerLimits())
    open_streams(peers, HOME, 1)
    for number in range(100):
        peers.refuse(str(number), wire.Describe(), 0, 0.0)
    peers.forget_idle(1000.0)
    assert list(peers._peers) == [HOME]


def test_a_client_goes_on_where_its_inputs_were_refused_for_a_while():
    with Sockets(ANY_PORT, ANY_PORT) as sockets:
        engine = EchoEngine()
        loop = Loop(engine, sockets, peers=Peers(PeerLimits(inputs_per_s=40)))
        with serving(engine, loop=loop) as server, connect(server.address) as connection:
            stream = connection.open("echo")
            for number in range(120):
                stream.send(bytes([number]) * 20)
            stream.close()
            assert len(list(stream)) == 120
        assert [message.seq for message in engine.taken] == list(range(1, 122))


def test_the_owner_of_a_refused_input_is_told_what_is_expected():
    with serving(EchoEngine()) as server, connect(server.address) as connection:
        stream = connection.open("echo")
        stream.send(b"abcd")
        stream.poll(1.0)
        ids = {"stream": stream.opened.stream, "owner": stream.opened.owner}
        assert server.engine.expected(b"", stream.opened.stream) == 0
        socket = connection._socket(server.address)
        socket.send_multipart(wire.encode(wire.Flush(**ids, seq=2), b"payload"))
        refused = next_refused(socket)
        assert (refused.code, refused.expected) == ("bad_payload", 2)


def test_a_server_short_of_memory_drops_connections_and_keeps_streams():
    class Scarce(MemoryWatch):
        def over(self, now):
            return scarce

    scarce = False
    with Sockets(ANY_PORT, ANY_PORT) as sockets:
        loop = Loop(EchoEngine(), sockets, memory=Scarce())
        with serving(loop.engine, loop=loop) as server, connect(server.address) as connection:
            stream = connection.open("echo")
            stream.send(b"abcd")
            stream.poll(5.0)
            router = sockets._router
            scarce = True
            while sockets._router is router:
                time.sleep(0.01)
            socket = connection._socket(server.address)
            socket.send_multipart(wire.encode(wire.Open("another", "echo")))
            refused = next_refused(socket)
            assert refused.code == "full" and "memory" in refused.message
            socket.send_multipart(wire.encode(wire.Open(stream.opened.request, "echo")))
            assert next_message(socket, wire.Opened).stream == stream.opened.stream
            stream.send(b"efgh")
            stream.close()
            assert len(list(stream)) == 1 and stream.closed.reason == "closed"


def test_memory_is_looked_at_and_bounded():
    assert 0 < MemoryWatch().most_bytes < machine_bytes()
    assert MemoryWatch(1).over(0.0) and not MemoryWatch(2**50).over(0.0)


@pytest.mark.parametrize("publish", [True, False])
def test_a_stream_is_published_unless_its_owner_forbids_it(publish):
    with (
        serving(EchoEngine()) as server,
        connect(server.address) as connection,
        Subscriber(server.publish) as subscriber,
    ):
        subscriber.wait_connected()
        stream = connection.open("echo", publish=publish)
        stream.send(b"abcd")
        stream.close()
        assert list(stream)
        after = connection.open("echo")
        after.send(b"abcd")
        after.close()
        list(after)
        heard = next(iter(subscriber)).message.stream
        assert heard == (stream if publish else after).opened.stream
