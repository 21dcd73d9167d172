"""Many streams of one process at a server: their sockets, and what every stream goes through."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Generic, TypeVar

import zmq

from streamer import wire

SOCKETS = 4  # streams share them: a socket a stream would cost more than the streams
ANSWER_SECONDS = 30.0
LINGER_MS = 500


@dataclass
class OpenedStream:
    """One stream, as its server answers it."""

    number: int
    stream: bytes = b""
    owner: bytes = b""
    sent: int = 0  # frames or credits so far
    refusal: wire.Refused | None = None
    closed: bool = False

    @property
    def ended(self) -> bool:
        """Whether the server closed or refused it."""
        return self.closed or self.refusal is not None


S = TypeVar("S", bound=OpenedStream)


class OpenedStreams(Generic[S]):
    """Streams at the server at `address`; each of its messages goes to `take`, with the stream it is for."""

    def __init__(self, address: str, take: Callable[[S | None, wire.Output], None]):
        self.streams: Sequence[S] = ()
        self._take = take
        self._by_stream: dict[bytes, S] = {}
        self._context = zmq.Context()
        self._sockets = [self._context.socket(zmq.DEALER) for _ in range(SOCKETS)]
        self._poller = zmq.Poller()
        for socket in self._sockets:
            socket.set(zmq.SNDHWM, 0)
            socket.set(zmq.RCVHWM, 0)
            socket.connect(address)
            self._poller.register(socket, zmq.POLLIN)

    def open(
        self,
        model: str,
        streams: Sequence[S],
        options: Callable[[S], dict[str, Any]],
        checkpoint_ms: int = 0,
    ) -> None:
        """Open `streams` and wait for all of them. ConnectionError where the server refuses one."""
        self.streams = streams
        for stream in streams:
            request = str(stream.number)
            asked = wire.Open(request, model, options=options(stream), checkpoint_ms=checkpoint_ms)
            self.send(stream.number, asked)
        self.wait(lambda: all(stream.stream or stream.refusal for stream in streams))
        if refused := next((stream.refusal for stream in streams if stream.refusal), None):
            raise ConnectionError(f"the server refused a stream: {refused.message}")
        if not all(stream.stream for stream in streams):
            raise ConnectionError(f"the server left a stream without an answer for {ANSWER_SECONDS:.0f} s")

    def send(self, number: int, message: wire.Input, payload: bytes | None = None) -> None:
        """Send a message of the stream of that number."""
        self._sockets[number % SOCKETS].send_multipart(wire.encode(message, payload))

    def close(self, stream: S) -> None:
        """Send Close after all that was sent."""
        self.send(stream.number, wire.Close(stream.stream, stream.owner, stream.sent + 1))

    def leave(self) -> None:
        """Close what is still open: a server that goes on must not wait for it."""
        for stream in self.streams:
            if stream.stream and not stream.ended:
                self.close(stream)
        self._context.destroy(linger=LINGER_MS)

    def wait(self, done: Callable[[], bool], look_seconds: float = ANSWER_SECONDS) -> None:
        """Receive until `done`, asked every `look_seconds` at least, or ANSWER_SECONDS have passed."""
        until = time.perf_counter() + ANSWER_SECONDS
        while not done() and (left := until - time.perf_counter()) > 0:
            self.receive(min(left, look_seconds))

    def receive(self, seconds: float) -> None:
        """Wait for messages for at most `seconds`, and take all that are there."""
        # poll counts whole milliseconds: rounded up, it sleeps a little long instead of spinning.
        for socket, _ in self._poller.poll(ceil(seconds * 1000)):
            while True:
                try:
                    parts = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._received(wire.decode_output(parts[0], parts[1] if parts[1:] else b""))

    def _received(self, message: wire.Output) -> None:
        stream = None
        if isinstance(message, wire.Opened):
            stream = self.streams[int(message.request)]
            stream.stream, stream.owner = message.stream, message.owner
            self._by_stream[message.stream] = stream
        elif isinstance(message, wire.Refused):
            by_request = bool(message.request)
            stream = self.streams[int(message.request)] if by_request else self._by_stream[message.stream]
            stream.refusal = message
        elif not isinstance(message, wire.Description):
            stream = self._by_stream[message.stream]
            stream.closed = stream.closed or isinstance(message, wire.Closed)
        self._take(stream, message)
