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

One thread: everything happens inside these calls, nothing in between. `streamer.aio` is the same for
asyncio.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Any

import zmq

from streamer import wire
from streamer.clients.exchange import Exchange, Sending, StreamView, came, connect_dealer
from streamer.clients.keeping import KEEPING, RECONNECT_S, Keeping
from streamer.clients.lifeline import Parts
from streamer.clients.notices import Derived
from streamer.clients.protocol import StreamProtocol
from streamer.clients.stream_format import Payload


def connect(
    address: str, timeout_s: float = 5.0, reconnect_s: float = RECONNECT_S, keeping: Keeping = KEEPING
) -> "Connection":
    """Connect to the server at `address`, and return once it has answered.

    Streams outlive their server: what it dies with is `keeping`'s to send again, when one is back within
    `reconnect_s`. `NoServer` when none is, or when none answers for `timeout_s` at first; ValueError for a
    bad address.
    """
    connection = Connection(address, timeout_s, reconnect_s, keeping)
    try:
        connection.describe()
    except BaseException:  # Ctrl-C too: a context that isn't left hangs the exit
        connection.abandon()
        raise
    return connection


class Connection:
    """One connection; it carries any number of streams. A context manager: leaving it closes them."""

    def __init__(
        self,
        address: str,
        timeout_s: float = 5.0,
        reconnect_s: float = RECONNECT_S,
        keeping: Keeping = KEEPING,
    ):
        self.address, self.timeout_s, self.keeping = address, timeout_s, keeping
        self._exchange = Exchange(address, timeout_s, reconnect_s)
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        self._monitors: dict[zmq.Socket[bytes], str] = {}  # what tells whether a server is at an endpoint
        self._socket(address)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def describe(self) -> wire.Description:
        """Ask the server what it can do."""
        self._exchange.ask()
        self.wait_until(self._exchange.described)
        return self._exchange.description

    def open(self, model: str, *, publish: bool = True, **options: Any) -> "Stream":
        """Open a stream of `model`. `Refusal` when the server refuses.

        Without `publish` the server tells its results to nobody else.
        """
        protocol = StreamProtocol(model, options, publish, self.keeping)
        self._exchange.add(protocol)
        try:
            self.wait_until(protocol.answered)
        except BaseException:  # Ctrl-C too: nobody would hold the stream that opens later
            self._exchange.remove(protocol)
            raise
        return Stream(self, protocol)

    def close(self) -> None:
        """Close every stream that is open, wait for its end, and disconnect."""
        try:
            streams = [Stream(self, protocol) for protocol in self._exchange.streams()]
            for stream in streams:
                stream.close()
            for stream in streams:
                stream.wait()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Disconnect at once. The server is told to close what is open, unless it does not answer."""
        for sending in self._exchange.farewells():
            self._send(sending)
        self._context.destroy(linger=self._exchange.linger_ms)

    def wait_until(self, done: Callable[[], bool], most_s: float = math.inf) -> None:
        """Take answers until `done()`, for at most `most_s`. `NoServer` when none comes for `timeout_s`."""
        began = time.monotonic()
        while not done() and (left_s := most_s - (time.monotonic() - began)) > 0:
            self.pump(began, left_s)

    def pump(self, waiting_since: float, most_s: float = math.inf) -> None:
        """Send what is due, wait for an answer for at most `most_s`, take all that are there.

        `NoServer` when the caller has waited and nothing came for `timeout_s`.
        """
        now = time.monotonic()
        for sending in self._exchange.due(now, waiting_since):
            self._send(sending)
        wait_s = min(most_s, self._exchange.patience(now, waiting_since))
        ready = self._poller.poll(math.ceil(wait_s * 1000))
        # What a server said before it went comes first.
        for socket, _ in sorted(ready, key=lambda one: one[0] in self._monitors):
            for parts in _received(socket):
                if endpoint := self._monitors.get(socket):
                    self._presence(endpoint, parts)
                else:
                    self._exchange.take(parts, time.monotonic())

    def _presence(self, endpoint: str, event: list[bytes]) -> None:
        if came(event):
            self._exchange.connected(endpoint)
        else:
            self._exchange.disconnected(endpoint, time.monotonic())

    def send_for(self, protocol: StreamProtocol, parts: Parts) -> None:
        """Send an input to where its stream lives; it waits where that isn't known."""
        if not protocol.lifeline.parted:
            self._send(Sending(self._exchange.endpoint(protocol), parts))

    def _send(self, sending: Sending) -> None:
        socket = self._socket(sending.endpoint)
        try:
            socket.send_multipart(sending.parts, zmq.NOBLOCK)
        except zmq.Again:
            # Nobody takes it: it is kept, and repeated when the server answers again.
            return

    def _socket(self, endpoint: str) -> zmq.Socket[bytes]:
        if endpoint not in self._sockets:
            socket = self._context.socket(zmq.DEALER)
            try:
                monitor = connect_dealer(socket, endpoint)
            except ValueError:
                self.abandon()
                raise
            self._poller.register(socket, zmq.POLLIN)
            self._poller.register(monitor, zmq.POLLIN)
            self._monitors[monitor] = endpoint
            self._sockets[endpoint] = socket
        return self._sockets[endpoint]


def _received(socket: zmq.Socket[bytes]) -> Iterator[list[bytes]]:
    """All messages that are there."""
    while True:
        try:
            yield socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return


class Stream(StreamView):
    """One stream. Iterating it gives its results until it is over, so close it first, or `poll`.

    A context manager: leaving it closes it and waits for its end; results can still be read then.
    """

    def __init__(self, connection: Connection, protocol: StreamProtocol):
        super().__init__(protocol)
        self._connection = connection

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
            self.wait()
        elif not self.protocol.refusal:
            self.close()

    def send(self, samples_or_text: Payload) -> None:
        """Send samples, interleaved by channel, or text, cut anywhere; wait while the window is full.

        An array has the shape [n, channels], or [n] for one channel. It is converted to the stream's format
        where that is exact. TypeError for anything else says what to send instead; ValueError for half a
        sample.
        """
        for piece in self.protocol.format.pieces(samples_or_text, self.opened.window):
            self._wait_until(partial(self.protocol.fits, self.protocol.format.positions(piece)))
            self._give(self.protocol.input(piece))
        self._take()

    def credit(self, count: int) -> None:
        """Ask a generator for `count` more steps; waits while the server's window is full."""
        for part in self.protocol.format.credits(count, self.opened.window):
            self._wait_until(partial(self.protocol.fits, part))
            self._give(self.protocol.credit(part))
        self._take()

    def skip(self, count: int) -> None:
        """Say that `count` samples per channel are lost."""
        self._give(self.protocol.skip(count))

    def control(self, **values: Any) -> None:
        """Change options; the notice `Applied` says from which position on, `Rejected` that none did."""
        self._give(self.protocol.control(values))

    def flush(self) -> None:
        """End the utterance now; the stream goes on."""
        self._give(self.protocol.flush())

    def close(self) -> None:
        """End the input. The last results follow: iterate, or `wait`."""
        if not self.protocol.closing and not self.protocol.closed:
            self._give(self.protocol.close())

    def wait(self) -> wire.Closed:
        """Wait for the end of a closed stream; its results stay to be read."""
        self._wait_until(lambda: False)
        return self.protocol.ended

    def poll(self, wait_s: float = 0.0) -> list[wire.Result]:
        """The results that have arrived; waits for the first one for at most `wait_s`."""
        self._take()
        self._wait_until(lambda: bool(self.protocol.inbox.results), wait_s)
        return self.protocol.inbox.take_results()

    def derived(self, wait_s: float = 0.0) -> list[Derived]:
        """The results of models that the server feeds with this stream's finals.

        Waits for the first one for at most `wait_s`, if the server feeds any model.
        """
        self._connection.pump(time.monotonic(), 0.0)
        self._connection.wait_until(
            lambda: bool(self.protocol.inbox.derived or not self.protocol.fed), wait_s
        )
        return self.protocol.inbox.take_derived()

    def __iter__(self) -> Iterator[wire.Result]:
        while True:
            yield from self.protocol.inbox.take_results()
            if self.protocol.closed:
                self.protocol.check()  # a stream that ends by a fault is refused before it is closed
                return
            self._wait_until(lambda: bool(self.protocol.inbox.results))

    def _wait_until(self, done: Callable[[], bool], most_s: float = math.inf) -> None:
        """Wait for `done()` or the end of the stream, for at most `most_s`."""
        self._connection.wait_until(self._unless_over(done), most_s)

    def _give(self, parts: Parts) -> None:
        self._connection.send_for(self.protocol, parts)

    def _take(self) -> None:
        """Take what has arrived, without waiting."""
        self._connection.pump(time.monotonic(), 0.0)
        self.protocol.check()
