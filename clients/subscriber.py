"""Watching: the results that a server publishes, by topic prefix, gaps reported."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import zmq

from streamer import wire
from streamer.clients.exchange import HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS, HIGH_WATER, no_address
from streamer.clients.notices import Gap, NoServer


@dataclass(frozen=True)
class Published:
    """Something published under `topic`, MODEL/STREAM; a `Gap` goes before the result after it."""

    topic: str
    message: wire.Result | wire.Closed | Gap


class Subscriber:
    """Watches every topic that begins with `prefix`: "" all, "MODEL/" one model, or one stream."""

    def __init__(self, address: str, prefix: str = ""):
        """ValueError for a bad address. The server may start later."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._last: dict[str, int] = {}  # the last result of each stream that was seen
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
        self._connected = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self.close()
            raise no_address(address, error) from None
        self.address = address

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._context.destroy(linger=0)

    def wait_connected(self, timeout_s: float = 5.0) -> None:
        """Return once the server has taken the connection; `NoServer` if it does not in time."""
        if not self._connected.poll(ceil(1000 * timeout_s)):
            raise NoServer(f"no server publishes at {self.address} within {timeout_s:g} s")

    def poll(self, wait_s: float = 0.0) -> list[Published]:
        """What has arrived; waits for the first one for at most `wait_s`."""
        until = time.monotonic() + wait_s
        published: list[Published] = []
        while not published and self._socket.poll(max(0, ceil(1000 * (until - time.monotonic())))):
            published += self._take()
        return published

    def __iter__(self) -> Iterator[Published]:
        """Yield everything that is published, without end."""
        while True:
            self._socket.poll()
            yield from self._take()

    def _take(self) -> Iterator[Published]:
        while True:
            try:
                topic, *parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            yield from self._read(topic, parts)

    def _read(self, topic: bytes, parts: list[bytes]) -> Iterator[Published]:
        try:
            name, message = topic.decode(), wire.decode_output(*parts)
        except (wire.WireError, UnicodeDecodeError, TypeError) as error:
            raise NoServer(f"what publishes at {self.address} is no streamer server: {error}") from None
        if isinstance(message, wire.Result):
            yield from self._gap(name, message.stream, message.seq)
            self._last[name] = message.seq
        elif isinstance(message, wire.Closed):
            yield from self._gap(name, message.stream, message.results + 1)
            self._last.pop(name, None)
        else:
            return
        yield Published(name, message)

    def _gap(self, topic: str, stream: bytes, seq: int) -> Iterator[Published]:
        """What lies between the last result seen and `seq`; what came before we watched is no gap."""
        last = self._last.get(topic, seq - 1)
        if seq > last + 1:
            yield Published(topic, Gap(stream, last + 1, seq - 1))
