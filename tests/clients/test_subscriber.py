"""Watchers: prefixes, gaps, ends, and a watcher that stalls."""

import time

import pytest
import zmq

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.keeping import Keeping
from streamer.clients.notices import Gap, NoServer, Resumed
from streamer.clients.subscriber import Subscriber
from streamer.server.loop import Loop
from streamer.server.sealing import Sealer
from streamer.server.sockets import Sockets
from tests.echo_engine import EchoEngine
from tests.serving import ANY_PORT, Server, serving
from tests.tiny_engine import FORMAT, Client, noise, tiny_engine

STREAM = b"s" * 16
SAMPLES = noise(60_000, 3)


def watch_all(subscriber: Subscriber, count: int) -> list:
    """The next `count` things published."""
    published = []
    until = time.monotonic() + 10
    while len(published) < count and time.monotonic() < until:
        published += subscriber.poll(0.2)
    return published


def results_of(sockets: Sockets, topic: str, seqs) -> None:
    for seq in seqs:
        result = wire.Result(STREAM, seq, 0, "final", 0, 0)
        sockets.publish_to(topic.encode(), wire.encode(result))


@pytest.fixture
def sockets():
    with Sockets(ANY_PORT, ANY_PORT) as both:
        yield both


@pytest.fixture
def subscriber(sockets):
    with Subscriber(sockets.publish, "echo/") as subscribed:
        subscribed.wait_connected()
        until = time.monotonic() + 5
        # Subscriptions take effect when the publisher has read them.
        while not subscribed.poll(0.02) and time.monotonic() < until:
            sockets.wait(0)
            sockets.publish_to(b"echo/ready", wire.encode(wire.Closed(STREAM, "ready")))
        subscribed.poll(0.1)
        yield subscribed


def test_watchers_see_what_the_owner_sees():
    with serving(EchoEngine()) as server, Subscriber(server.publish) as everyone:
        everyone.wait_connected()
        with connect(server.address) as connection:
            stream = connection.open("echo")
            deadline = time.monotonic() + 5
            seen = []
            # A watcher that comes late misses the beginning, which is no gap.
            while not seen and time.monotonic() < deadline:
                stream.send(b"ab")
                seen += everyone.poll(0.05)
            stream.close()
            results = list(stream)
        while not isinstance(seen[-1].message, wire.Closed):
            seen += watch_all(everyone, 1)
        assert {p.topic for p in seen} == {stream.opened.topic}
        seqs = [p.message.seq for p in seen[:-1]]
        assert seqs == list(range(seqs[0], stream.closed.results + 1))
        assert results[-1] in [p.message for p in seen]


def test_gaps_are_reported_before_the_result_that_shows_them(sockets, subscriber):
    results_of(sockets, "echo/a", [4, 5, 8])
    sockets.publish_to(b"echo/a", wire.encode(wire.Closed(STREAM, "closed", results=9)))
    messages = [p.message for p in watch_all(subscriber, 6)]
    assert [getattr(m, "seq", None) for m in messages] == [4, 5, None, 8, None, None]
    assert messages[2] == Gap(STREAM, 6, 7)
    assert messages[4] == Gap(STREAM, 9, 9)
    assert messages[5].reason == "closed"


def test_a_prefix_selects(sockets, subscriber):
    results_of(sockets, "other/a", [1, 2])
    results_of(sockets, "echo/b", [1])
    assert [(p.topic, p.message.seq) for p in watch_all(subscriber, 1)] == [("echo/b", 1)]
    assert not subscriber.poll(0.1)


def test_a_watcher_that_stalls_loses_some_and_is_told(sockets, subscriber):
    count = 60_000
    results_of(sockets, "echo/a", range(1, count + 1))
    sockets.publish_to(b"echo/b", wire.encode(wire.Result(STREAM, 1, 0, "final", 0, 0)))
    seen, until = [], time.monotonic() + 20
    # More may be published once the watcher reads again.
    while time.monotonic() < until and not (seen and getattr(seen[-1].message, "seq", 0) > count):
        seen += subscriber.poll(0.1)
        results_of(sockets, "echo/a", [count + 1])
    heard = {p.message.seq for p in seen if isinstance(p.message, wire.Result)}
    lost = {n for p in seen if isinstance(p.message, Gap) for n in range(p.message.first, p.message.last + 1)}
    assert heard | lost == set(range(1, count + 2))


def test_nobody_publishes():
    with Subscriber("tcp://127.0.0.1:9") as subscriber, pytest.raises(NoServer, match="127.0.0.1:9"):
        subscriber.wait_connected(0.3)
    with pytest.raises(ValueError, match="tcp://HOST:PORT"):
        Subscriber("nonsense")


def test_what_tells_of_connections_is_never_left_to_fill_up(monkeypatch):
    monitors, made = [], zmq.Socket.get_monitor_socket

    def recorded(socket, *events):
        monitors.append(made(socket, *events))
        return monitors[-1]

    monkeypatch.setattr(zmq.Socket, "get_monitor_socket", recorded)
    server = Server(EchoEngine())
    with Subscriber(server.publish, inputs=server.address) as subscriber:
        subscriber.wait_connected()
        server.stop()
        server = Server(EchoEngine(), server.address, server.publish)
        with connect(server.address) as connection:
            stream, seen = connection.open("echo"), []
            own = len(monitors) - 1
            while not seen:
                stream.send(b"ab")
                seen += subscriber.poll(0.05)
        subscriber.wait_connected()  # as often as one likes
        # A monitor that is full stops its socket.
        assert own and all(monitor.closed or not monitor.poll(0) for monitor in monitors[:own])
    server.stop()


def opened_tiny(connection, **options):
    return connection.open("tiny", format=FORMAT, **options)


def told(published) -> list[tuple]:
    return [(p.message.seq, p.message.kind) for p in published if isinstance(p.message, wire.Result)]


def test_a_late_watcher_is_told_the_running_utterance():
    with serving(tiny_engine()) as server, connect(server.address) as connection:
        stream = opened_tiny(connection, endpoint_silence_ms=0)
        stream.send(SAMPLES[:20_000])
        stream.flush()
        stream.send(SAMPLES[20_000:40_000])
        before = stream.poll(1.0)
        while more := stream.poll(0.3):
            before += more
        final = max(r.seq for r in before if r.kind == "final")
        assert before[-1].seq > final + 1
        with Subscriber(server.publish, inputs=server.address) as watcher:
            watcher.wait_connected()
            watcher.poll(0.3)
            stream.send(SAMPLES[40_000:60_000])
            stream.close()
            results = before + list(stream)
            seen = []
            while not any(isinstance(p.message, wire.Closed) for p in seen):
                seen += watcher.poll(5.0)
    assert told(seen) == [(r.seq, r.kind) for r in results if r.seq > final]


def test_what_a_watcher_missed_is_asked_for(sockets):
    with serving(tiny_engine()) as server, connect(server.address) as connection:
        with Subscriber(server.publish, inputs=server.address) as watcher:
            watcher.wait_connected()
            watcher.poll(0.3)
            publish, dropped = server.sockets.publish_to, []

            def lossy(topic, parts):
                message = wire.decode_output(*parts)
                if isinstance(message, wire.Result) and message.seq % 3 == 2:
                    dropped.append(message.seq)
                else:
                    publish(topic, parts)

            server.sockets.publish_to = lossy
            stream = opened_tiny(connection)
            stream.send(SAMPLES)
            stream.close()
            results, seen = list(stream), []
            while not any(isinstance(p.message, wire.Closed) for p in seen):
                seen += watcher.poll(5.0)
        assert dropped and told(seen) == [(r.seq, r.kind) for r in results]


def test_a_watcher_outlives_the_server_and_hears_nothing_twice():
    sealer, seen = Sealer(None), []

    def server_at(inputs=ANY_PORT, publish=ANY_PORT):
        sockets = Sockets(inputs, publish)
        return Server(None, loop=Loop(tiny_engine(), sockets, sealer=sealer))

    server = server_at()
    with (
        connect(server.address, keeping=Keeping(100)) as connection,
        Subscriber(server.publish, inputs=server.address) as watcher,
    ):
        watcher.wait_connected()
        watcher.poll(0.3)
        stream = opened_tiny(connection)
        results = []
        for number, at in enumerate(range(0, 60_000, 6000)):
            stream.send(SAMPLES[at : at + 6000])
            results += stream.poll(0.2)
            seen += watcher.poll(0.05)
            if number in (3, 7):
                server.loop.engine.drain = lambda now: []
                server.loop.stop()
                server.stop()
                server = server_at(server.address, server.publish)
        stream.close()
        results += list(stream)
        while not any(isinstance(p.message, wire.Closed) for p in seen):
            seen += watcher.poll(5.0)
        seen += watcher.poll(0.3)
        assert [type(n) for n in stream.notices()] == [Resumed, Resumed]
    server.stop()
    assert [r.seq for r in results] == list(range(1, len(results) + 1))
    assert told(seen) == [(r.seq, r.kind) for r in results]
    undisturbed = Client(tiny_engine()).open()
    undisturbed.audio(SAMPLES)
    undisturbed.close()
    undisturbed.settle()
    texts = [(r.kind, r.alternatives[0].text) for r in undisturbed.results]
    assert [(r.kind, r.alternatives[0].text) for r in results] == texts
