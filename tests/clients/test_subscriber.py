"""Watchers: prefixes, gaps, ends, and a watcher that stalls."""

import time

import pytest

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.notices import Gap, NoServer
from streamer.clients.subscriber import Subscriber
from streamer.server.sockets import Sockets
from tests.echo_engine import EchoEngine
from tests.serving import ANY_PORT, serving

STREAM = b"s" * 16


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
