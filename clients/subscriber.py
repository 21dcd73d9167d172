"""Watching: the results that a server publishes, by topic prefix, each once and in order."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

import zmq

from streamer import wire
from streamer.clients.exchange import (
    HEARTBEAT_MS,
    HEARTBEAT_TIMEOUT_MS,
    HIGH_WATER,
    connect_dealer,
    no_address,
)
from streamer.clients.notices import Diverged, Gap, NoServer
from streamer.clients.watched_stream import Seen, WatchedStream

POLL_MS = 200  # while something lacks
MOST_OVER = 10_000  # streams that are remembered after their end


@dataclass(frozen=True)
class Published:
    """Something published under `topic`, MODEL/STREAM; a `Gap` goes before the result after it."""

    topic: str
    message: wire.Result | wire.Closed | Gap | Diverged


class Subscriber:
    """Watches every topic that begins with `prefix`: "" all, "MODEL/" one model, or one stream.

    With `inputs`, the address that streams send to, what lacks is asked for there: after a stall, after the
    server died, and the beginning of what is being said when the watcher comes.
    """

    def __init__(self, address: str, prefix: str = "", inputs: str | None = None):
        """ValueError for a bad address. The server may start later."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._asking: zmq.Socket[bytes] | None = None
        self._streams: dict[str, WatchedStream] = {}
        self._topics: dict[bytes, str] = {}
        self._over: OrderedDict[str, None] = OrderedDict()  # what is said again after an end is no news
        options: dict[int, int | bytes] = {
            zmq.LINGER: 0,
            zmq.RCVHWM: HIGH_WATER,  # a watcher that stalls for longer loses messages, and is told which
            zmq.HEARTBEAT_IVL: HEARTBEAT_MS,
            zmq.HEARTBEAT_TIMEOUT: HEARTBEAT_TIMEOUT_MS,
            zmq.IPV6: "[" in address,
            zmq.SUBSCRIBE: prefix.encode(),
        }
        for option, value in options.items():
            self._socket.set(option, value)
        self._monitor: zmq.Socket[bytes] | None = None
        try:
            self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            self._socket.connect(address)
            if inputs:
                self._asking = self._context.socket(zmq.DEALER)
                _unwatch(self._asking, connect_dealer(self._asking, inputs))
        except zmq.ZMQError as error:
            self.close()
            raise no_address(address, error) from None
        except ValueError:
            self.close()
            raise
        self._poller = zmq.Poller()
        for socket in (self._socket, self._asking):
            if socket:
                self._poller.register(socket, zmq.POLLIN)
        self.address = address

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._context.destroy(linger=0)

    def wait_connected(self, timeout_s: float = 5.0) -> None:
        """Return once the server has taken the connection; `NoServer` if it does not in time."""
        if self._monitor and not self._monitor.poll(ceil(1000 * timeout_s)):
            raise NoServer(f"no server publishes at {self.address} within {timeout_s:g} s")
        self._was_connected()

    def poll(self, wait_s: float = 0.0) -> list[Published]:
        """What has arrived; waits for the first one for at most `wait_s`."""
        until = time.monotonic() + wait_s
        published: list[Published] = []
        while True:
            left_ms = max(0, ceil(1000 * (until - time.monotonic())))
            ready = self._poller.poll(min(left_ms, POLL_MS))
            published += self._take()
            if published or (not ready and left_ms <= POLL_MS):
                return published

    def __iter__(self) -> Iterator[Published]:
        """Yield everything that is published, without end."""
        while True:
            self._poller.poll(POLL_MS if self._streams else None)
            yield from self._take()

    def _was_connected(self) -> None:
        if self._monitor:
            _unwatch(self._socket, self._monitor)
            self._monitor = None

    def _take(self) -> Iterator[Published]:
        if self._monitor and self._monitor.poll(0):
            self._was_connected()
        for topic, *parts in _received(self._socket):
            yield from self._read(topic, parts)
        if self._asking:
            for parts in _received(self._asking):
                yield from self._answered(parts)
            yield from self._ask(self._asking)

    def _ask(self, asking: "zmq.Socket[bytes]") -> Iterator[Published]:
        """Ask for what lacks; what was often asked for is given up."""
        now = time.monotonic()
        for topic, stream in list(self._streams.items()):
            yield from self._seen(topic, stream, stream.give_up())
            if first := stream.wanted(now):
                with suppress(zmq.Again):  # it is asked again
                    asking.send_multipart(wire.encode(wire.Replay(stream.stream, first)), zmq.NOBLOCK)

    def _answered(self, parts: list[bytes]) -> Iterator[Published]:
        try:
            message = wire.decode_output(*parts[:2])
        except wire.WireError:
            return
        if not isinstance(message, wire.Result | wire.Replayed | wire.Refused):
            return
        topic = self._topics.get(message.stream)
        if topic is None:
            return
        stream = self._streams[topic]
        match message:
            case wire.Result():
                yield from self._seen(topic, stream, stream.take(message))
            case wire.Replayed():
                yield from self._seen(topic, stream, stream.not_kept(before=message.first))
            case wire.Refused():
                yield from self._seen(topic, stream, stream.not_kept(before=0))

    def _read(self, topic: bytes, parts: list[bytes]) -> Iterator[Published]:
        try:
            name, message = topic.decode(), wire.decode_output(*parts)
        except (wire.WireError, UnicodeDecodeError, TypeError) as error:
            raise NoServer(f"what publishes at {self.address} is no streamer server: {error}") from None
        if not isinstance(message, wire.Result | wire.Closed) or name in self._over:
            return
        if name not in self._streams:
            self._streams[name] = WatchedStream(message.stream, self._asking is not None)
            self._topics[message.stream] = name
        stream = self._streams[name]
        yield from self._seen(name, stream, stream.take(message))

    def _seen(self, topic: str, stream: WatchedStream, news: Iterator[Seen]) -> Iterator[Published]:
        for one in news:
            yield Published(topic, one)
        if stream.over:
            self._streams.pop(topic, None)
            self._topics.pop(stream.stream, None)
            self._over[topic] = None
            if len(self._over) > MOST_OVER:
                self._over.popitem(last=False)


def _unwatch(socket: "zmq.Socket[bytes]", monitor: "zmq.Socket[bytes]") -> None:
    """End `monitor`. One that nobody reads is full after 1,000 reconnections, and stops all sockets then."""
    socket.disable_monitor()
    monitor.close()


def _received(socket: "zmq.Socket[bytes]") -> Iterator[list[bytes]]:
    """All messages that are there."""
    while True:
        try:
            yield socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return
