"""The Python client: connect to a server, open streams, send, iterate results.

    with connect("tcp://127.0.0.1:5550") as server:
        stream = server.open("captions-en", format={"encoding": "s16", "rate": 16000, "channels": 1})
        for block in blocks:
            stream.send(block)
            for result in stream.poll():
                show(result)
        stream.close()
        for result in stream:
            show(result)

One thread: everything happens inside these calls, nothing in between. `streamer.clients.aio` is the
same for asyncio.
"""

import math
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import zmq

from streamer import wire
from streamer.clients.notices import Derived, NoServer, Notice
from streamer.clients.protocol import PATIENCE_S, Parts, StreamProtocol
from streamer.clients.streams import (
    LINGER_MS,
    StreamTable,
    credits,
    payload,
    pieces,
    socket_options,
)


def connect(address: str, timeout_s: float = 5.0) -> "Connection":
    """A connection to the server at `address`, which has answered.

    A server that stays silent for `timeout_s`, now or later, is `NoServer`; a bad address ValueError.
    """
    connection = Connection(address, timeout_s)
    try:
        connection.describe()
    except BaseException:  # Ctrl-C too: a context that isn't left hangs the exit
        connection.abandon()
        raise
    return connection


class Connection:
    """One connection; it carries any number of streams. A context manager: leaving it closes them."""

    def __init__(self, address: str, timeout_s: float = 5.0):
        self.address, self.timeout_s = address, timeout_s
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self._sockets: dict[str, zmq.Socket] = {}
        self._table = StreamTable()
        self._silent = False  # whether the server was given up
        self._socket(address)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def describe(self) -> wire.Description:
        """What the server can do."""
        began = asked_at = time.monotonic()
        self._table.description = None
        self._send(self.address, wire.encode(wire.Describe()))
        while self._table.description is None:
            now = time.monotonic()
            if now - asked_at >= PATIENCE_S:
                asked_at = now
                self._send(self.address, wire.encode(wire.Describe()))
            self.pump(began)
        return self._table.description

    def open(self, model: str, **options: Any) -> "Stream":
        """A new stream of `model`. `Refusal` when the server says no."""
        stream = Stream(self, StreamProtocol(model, options))
        began = time.monotonic()
        self._table.add(stream.protocol)
        try:
            while not stream.protocol.opened:
                stream.protocol.check()
                self.pump(began)
        except BaseException:  # Ctrl-C too: nobody would hold the stream that opens later
            self._table.remove(stream.protocol)
            raise
        return stream

    def close(self) -> None:
        """Close every stream that is open, wait for its end, and disconnect."""
        try:
            streams = [Stream(self, protocol) for protocol in self._table.streams() if not protocol.refusal]
            for stream in streams:
                stream.close()
            for stream in streams:
                stream.wait()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Disconnect at once. The server is told to close what is open, unless it does not answer."""
        for protocol in self._table.abandoned() if not self._silent else []:
            self.send_for(protocol, protocol.close())
        self._context.destroy(linger=0 if self._silent else LINGER_MS)

    def pump(self, waiting_since: float, most_s: float = math.inf) -> None:
        """Send what is due, wait for an answer for at most `most_s`, take all that are there.

        `NoServer` when the caller has waited and nothing came for `timeout_s`.
        """
        now = time.monotonic()
        for protocol, parts in self._table.due(now, waiting_since):
            self._send(self._endpoint(protocol) if protocol.opened else self.address, parts)
        silence = now - max(waiting_since, self._table.heard_at)
        if silence >= self.timeout_s:
            self._silent = True
            raise NoServer(f"no server answers at {self.address} within {self.timeout_s:g} s")
        wait_s = min(most_s, self._table.pause(now), self.timeout_s - silence)
        for socket, _ in self._poller.poll(math.ceil(wait_s * 1000)):
            while True:
                try:
                    parts = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._table.take(parts, time.monotonic())

    def send_for(self, protocol: StreamProtocol, parts: Parts) -> None:
        """Send an input to where its stream lives."""
        self._send(self._endpoint(protocol), parts)

    def _endpoint(self, protocol: StreamProtocol) -> str:
        return self._table.endpoint(protocol, self.address)

    def _send(self, endpoint: str, parts: Parts) -> None:
        socket = self._socket(endpoint)
        try:
            socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            # Nobody takes it: it is kept, and repeated when the server answers again.
            return

    def _socket(self, endpoint: str) -> zmq.Socket:
        if endpoint not in self._sockets:
            socket = self._context.socket(zmq.DEALER)
            for option, value in socket_options(endpoint).items():
                socket.set(option, value)
            try:
                socket.connect(endpoint)
            except zmq.ZMQError as error:
                self.abandon()
                text = f"{endpoint!r} is no address: {error.strerror}; write tcp://HOST:PORT"
                raise ValueError(text) from None
            self._poller.register(socket, zmq.POLLIN)
            self._sockets[endpoint] = socket
        return self._sockets[endpoint]


class Stream:
    """One stream. Iterating it gives its results until it is over, so close it first, or `poll`.

    `notices` holds what else there is to know: gaps, restarts, options that came into force.
    """

    def __init__(self, connection: Connection, protocol: StreamProtocol):
        self._connection, self.protocol = connection, protocol

    @property
    def opened(self) -> wire.Opened:
        """What is in force: options, window, latency, topic."""
        return self.protocol.opened

    @property
    def closed(self) -> wire.Closed | None:
        """How the stream ended, once it has."""
        return self.protocol.closed

    @property
    def position(self) -> int:
        """Samples per channel, bytes of text, or steps of credit, sent so far."""
        return self.protocol.position

    def notices(self) -> list[Notice]:
        """What came since the last call."""
        return [self.protocol.notices.popleft() for _ in range(len(self.protocol.notices))]

    def send(self, given: bytes | str) -> None:
        """Send samples, interleaved by channel, or text, cut anywhere; waits while the server's window is full."""
        for piece in pieces(payload(given, self.protocol), self.protocol):
            self._wait_for_room(len(piece) // self.protocol.position_bytes)
            self._give(self.protocol.input(piece))
        self._take()

    def credit(self, count: int) -> None:
        """Ask a generator for `count` more steps; waits while the server's window is full."""
        for some in credits(count, self.protocol):
            self._wait_for_room(some)
            self._give(self.protocol.credit(some))
        self._take()

    def skip(self, count: int) -> None:
        """Say that `count` samples per channel are lost."""
        self._give(self.protocol.skip(count))

    def control(self, **values: Any) -> None:
        """Change options; the notice `Applied` says from where on they are in force, `Rejected` that they aren't."""
        self._give(self.protocol.control(values))

    def flush(self) -> None:
        """End the utterance now; the stream goes on."""
        self._give(self.protocol.flush())

    def close(self) -> None:
        """Say that no more comes. The last results follow: iterate, or `wait`."""
        if not self.protocol.closing and not self.protocol.closed:
            self._give(self.protocol.close())

    def wait(self) -> wire.Closed:
        """Wait for the end of a closed stream; its results stay to be read."""
        began = time.monotonic()
        while not self.protocol.closed:
            self.protocol.check()
            self._connection.pump(began)
        return self.protocol.closed

    def derived(self, wait_s: float = 0.0) -> list[Derived]:
        """What models said that the server feeds with this stream's finals.

        Waits for the first of it for at most `wait_s`, while the server feeds any.
        """
        began = time.monotonic()
        self._connection.pump(began, 0.0)
        while not self.protocol.derived and self.protocol.fed:
            left = wait_s - (time.monotonic() - began)
            if left <= 0:
                break
            self._connection.pump(began, left)
        return [self.protocol.derived.popleft() for _ in range(len(self.protocol.derived))]

    def poll(self, wait_s: float = 0.0) -> list[wire.Result]:
        """The results that are there, the first waited for at most `wait_s`."""
        began = time.monotonic()
        self._take()
        while not self.protocol.results and not self.protocol.closed:
            left = wait_s - (time.monotonic() - began)
            if left <= 0:
                break
            self._connection.pump(began, left)
            self.protocol.check()
        return self._results()

    def __iter__(self) -> Iterator[wire.Result]:
        while True:
            yield from self._results()
            if self.protocol.closed:
                return
            began = time.monotonic()
            while not self.protocol.results and not self.protocol.closed:
                self.protocol.check()
                self._connection.pump(began)

    def _results(self) -> list[wire.Result]:
        return [self.protocol.results.popleft() for _ in range(len(self.protocol.results))]

    def _wait_for_room(self, count: int) -> None:
        began = time.monotonic()
        while self.protocol.room < count and not self.protocol.closed:
            self.protocol.check()
            self._connection.pump(began)

    def _give(self, parts: Parts) -> None:
        self._connection.send_for(self.protocol, parts)

    def _take(self) -> None:
        """Take what has arrived, without waiting."""
        self._connection.pump(time.monotonic(), 0.0)
        self.protocol.check()
