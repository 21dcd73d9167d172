"""A connection without a socket: which stream an answer is for, what to send where, when to give up."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import zmq
from zmq.utils.monitor import parse_monitor_message

from streamer import wire
from streamer.clients.lifeline import KNOCK_S, PATIENCE_S, Parts
from streamer.clients.notices import NoServer, Notice
from streamer.clients.protocol import StreamProtocol

# What was sent may still leave for this long after the end, then the process may exit.
LINGER_MS = 1000
# Notices a peer whose cable was pulled; TCP alone would take minutes.
HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS = 1000, 4000
# Windows bound what is under way; ZeroMQ's own bound need only be above.
HIGH_WATER = 10_000
WILDCARDS = ("tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:")


class Sending(NamedTuple):
    """A message, and the address that it goes to."""

    endpoint: str
    parts: Parts


class Exchange:
    """All of a connection that needs no socket: both clients send what it names and give it every answer.

    Law: an answer reaches the stream that it is for, and no other.
    """

    def __init__(self, address: str, timeout_s: float, reconnect_s: float = 0.0) -> None:
        self.address, self.timeout_s, self.reconnect_s = address, timeout_s, reconnect_s
        self.silent = False  # whether the server was given up
        self.heard_at = -math.inf  # when anything came from the server
        self._by_request: dict[str, StreamProtocol] = {}
        self._by_stream: dict[bytes, StreamProtocol] = {}
        self._by_fed: dict[bytes, StreamProtocol] = {}  # streams that others feed
        self._description: wire.Description | None = None
        self._asking, self._asked_at = False, -math.inf  # for a description
        self._connected: set[str] = set()  # the endpoints where a server is

    @property
    def linger_ms(self) -> int:
        """How long sockets may hold what is not sent yet, once they are closed."""
        return 0 if self.silent else LINGER_MS

    def ask(self) -> None:
        """Ask the server what it can do."""
        self._asking, self._asked_at = True, -math.inf

    def described(self) -> bool:
        """Whether the server has answered the last `ask`."""
        return not self._asking

    @property
    def description(self) -> wire.Description:
        """What the server has answered."""
        assert self._description is not None, "the server has not been asked yet"
        return self._description

    def add(self, protocol: StreamProtocol) -> None:
        self._by_request[protocol.request.request] = protocol

    def remove(self, protocol: StreamProtocol) -> None:
        for request, own in list(self._by_request.items()):
            if own is protocol:
                del self._by_request[request]
        if protocol.opened:
            self._by_stream.pop(protocol.opened.stream, None)

    def streams(self) -> list[StreamProtocol]:
        """Those that are open: not over, and not refused."""
        return [p for p in self._by_request.values() if p.opened and not p.refusal]

    def farewells(self) -> list[Sending]:
        """The messages that close the open streams at once; none where the server doesn't answer."""
        if self.silent:
            return []
        return [Sending(self.endpoint(p), p.close()) for p in self.streams() if not p.closing]

    def due(self, now: float, waiting_since: float) -> Iterator[Sending]:
        """What is to be sent at `now`, for a caller that waits since `waiting_since`."""
        if self._asking and now - self._asked_at >= PATIENCE_S and self.address in self._connected:
            self._asked_at = now
            yield Sending(self.address, wire.encode(wire.Describe()))
        for protocol in list(self._by_request.values()):
            # What nobody would take is not queued for whoever comes: it is kept, and repeated then.
            if (endpoint := self.endpoint(protocol)) in self._connected:
                for parts in protocol.due(now, waiting_since):
                    yield Sending(endpoint, parts)

    def connected(self, endpoint: str) -> None:
        """A server is at `endpoint`."""
        self._connected.add(endpoint)

    def disconnected(self, endpoint: str, now: float) -> None:
        """The server at `endpoint` is gone."""
        self._connected.discard(endpoint)
        for protocol in self._by_request.values():
            if self.endpoint(protocol) == endpoint:
                protocol.part(now)

    def patience(self, now: float, waiting_since: float) -> float:
        """Seconds until something may be due, or the server is given up.

        `NoServer` when the caller has waited and nothing came for `timeout_s`; for `reconnect_s` where a
        stream may go on when a server is back.
        """
        silence = now - max(waiting_since, self.heard_at)
        protocols = self._by_request.values()
        away_s = self.reconnect_s if self._may_go_on() else self.timeout_s
        most_s = max(self.timeout_s, away_s)
        # A server that is gone is gone for those, too, who look now and then.
        parted = [p.lifeline.parted_since for p in protocols if p.opened and p.lifeline.parted]
        if silence >= most_s or (parted and now - min(parted) >= away_s):
            self.silent = True
            raise NoServer(f"no server answers at {self.address} within {away_s if parted else most_s:g} s")
        repeats = [p.repeat_at - now for p in protocols if p.repeat_at is not None]
        knocks = [KNOCK_S] if any(p.lifeline.parted for p in protocols) else []
        return min(max(0.0, min([PATIENCE_S, *knocks, *repeats])), most_s - silence)

    def _may_go_on(self) -> bool:
        """Whether a stream outlives its server."""
        return any(p.opened and p.opened.checkpoint_ms for p in self._by_request.values())

    def take(self, parts: list[bytes], now: float) -> None:
        """Give an answer to its stream. NoServer for one that can't be read: another program sent it."""
        try:
            message = wire.decode_output(*parts[:2])
        except wire.WireError as error:
            raise NoServer(f"what answers is no streamer server of wire {wire.VERSION}: {error}") from None
        self.heard_at = now
        payload = parts[1] if len(parts) > 1 else b""
        if isinstance(message, wire.Description):
            self._description, self._asking = message, False
        elif isinstance(message, wire.Opened):
            self._open(message, now)
        elif protocol := self._by_stream.get(message.stream):
            protocol.take(message, payload, now)
            self._remove_closed(protocol)
        elif isinstance(message, wire.Refused) and message.request:
            if protocol := self._of_request(message.request):
                protocol.take(message, payload, now)
        elif protocol := self._by_fed.get(message.stream):
            protocol.take_fed(message)
            if message.stream not in protocol.fed:
                self._by_fed.pop(message.stream, None)
            self._remove_closed(protocol)

    def endpoint(self, protocol: StreamProtocol) -> str:
        """Where a stream's inputs go. A server bound to all its addresses is where we found it.

        One that looks for a server asks at the connection's own address.
        """
        named = protocol.opened.endpoint if protocol.opened and not protocol.lifeline.parted else ""
        return self.address if not named or named.startswith(WILDCARDS) else named

    def _open(self, opened: wire.Opened, now: float) -> None:
        source = self._by_stream.get(opened.source) or self._by_fed.get(opened.source)
        if source:
            source.take_fed(opened)
            self._by_fed[opened.stream] = source
            return
        protocol = self._by_stream.get(opened.stream) or self._of_request(opened.request)
        if protocol is None:
            return
        if protocol.opened:
            self._by_stream.pop(protocol.opened.stream, None)
        protocol.take(opened, b"", now)
        self._by_stream[opened.stream] = protocol

    def _of_request(self, request: str) -> StreamProtocol | None:
        """The stream that was asked for so; one that had to begin anew has another request now."""
        if protocol := self._by_request.get(request):
            return protocol
        return next((p for p in self._by_request.values() if p.request.request == request), None)

    def _remove_closed(self, protocol: StreamProtocol) -> None:
        if protocol.closed:
            self.remove(protocol)


class StreamView:
    """What a stream knows without waiting; `Stream` of either client adds the methods."""

    def __init__(self, protocol: StreamProtocol):
        self.protocol = protocol

    @property
    def opened(self) -> wire.Opened:
        """What is in force: options, window, latency, topic."""
        return self.protocol.in_force

    @property
    def closed(self) -> wire.Closed | None:
        """How the stream ended, once it has."""
        return self.protocol.closed

    @property
    def away(self) -> bool:
        """Whether no server is known to have the stream now; what is sent waits until one does."""
        return self.protocol.lifeline.parted

    def fits(self, count: int) -> bool:
        """Whether `count` positions may be sent without waiting."""
        return self.protocol.fits(count)

    @property
    def position(self) -> int:
        """Samples per channel, bytes of text, or steps of credit, sent so far."""
        return self.protocol.position

    def notices(self) -> list[Notice]:
        """The notices since the last call: gaps, restarts, options that came into force or were refused."""
        return self.protocol.inbox.take_notices()

    def _unless_over(self, done: Callable[[], bool]) -> Callable[[], bool]:
        """Whether `done()`, or the stream is over; raises what the server refused."""

        def done_or_over() -> bool:
            self.protocol.check()
            return done() or self.protocol.closed is not None

        return done_or_over


def connect_dealer(socket: zmq.Socket[Any], endpoint: str) -> Any:
    """Connect a DEALER to `endpoint`; the socket that tells who is there. ValueError for no address."""
    options = {
        zmq.LINGER: LINGER_MS,
        zmq.SNDHWM: HIGH_WATER,
        zmq.RCVHWM: HIGH_WATER,
        zmq.HEARTBEAT_IVL: HEARTBEAT_MS,
        zmq.HEARTBEAT_TIMEOUT: HEARTBEAT_TIMEOUT_MS,
        zmq.RECONNECT_IVL: 50,
        zmq.RECONNECT_IVL_MAX: 200,
        zmq.IPV6: "[" in endpoint,
    }
    for option, value in options.items():
        socket.set(option, value)
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        socket.disable_monitor()
        raise no_address(endpoint, error) from None
    return monitor


def came(event: list[bytes]) -> bool:
    """Whether what a monitor tells is that a server came, else one went."""
    return int(parse_monitor_message(event)["event"]) == zmq.EVENT_HANDSHAKE_SUCCEEDED


def no_address(endpoint: str, error: zmq.ZMQError) -> ValueError:
    """The error for an `endpoint` that ZeroMQ can't connect to."""
    return ValueError(f"{endpoint!r} is no address: {error.strerror}; write tcp://HOST:PORT")
