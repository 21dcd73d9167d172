"""What the blocking and the asyncio client share: whose answer is whose, and how bytes are cut."""

import math
from collections.abc import Iterator

import zmq

from streamer import wire
from streamer.clients.notices import NoServer
from streamer.clients.protocol import PATIENCE_S, Parts, StreamProtocol

# What was sent may still leave for this long after the end, then the process may exit.
LINGER_MS = 1000
# Notices a peer whose cable was pulled; TCP alone would take minutes.
HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS = 1000, 4000
# Windows bound what is under way; ZeroMQ's own bound need only be above.
HIGH_WATER = 10_000
MAX_FRAME_BYTES = 64 * 1024
WILDCARDS = ("tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:")


def socket_options(endpoint: str) -> dict[int, int]:
    """The options of a DEALER that connects to `endpoint`."""
    return {
        zmq.LINGER: LINGER_MS,
        zmq.SNDHWM: HIGH_WATER,
        zmq.RCVHWM: HIGH_WATER,
        zmq.HEARTBEAT_IVL: HEARTBEAT_MS,
        zmq.HEARTBEAT_TIMEOUT: HEARTBEAT_TIMEOUT_MS,
        zmq.RECONNECT_IVL: 100,
        zmq.RECONNECT_IVL_MAX: 1000,
        zmq.IPV6: "[" in endpoint,
    }


def payload(given: bytes | str, protocol: StreamProtocol) -> bytes:
    """`given` as the stream's bytes. ValueError for half a sample, TypeError for text to a stream of sound."""
    if protocol.takes_credit:
        raise TypeError(f"{protocol.request.model} makes steps for credit and takes nothing else")
    if isinstance(given, str):
        if not protocol.takes_text:
            raise TypeError(f"{protocol.request.model} takes sound: send samples as bytes, not text")
        return given.encode()
    if len(given) % protocol.position_bytes:
        text = f"{len(given)} bytes are no whole number of samples of {protocol.position_bytes} bytes"
        raise ValueError(text)
    return given


def pieces(given: bytes, protocol: StreamProtocol) -> Iterator[bytes]:
    """Cut `given` so that each piece is a frame and half a window at most."""
    most = min(MAX_FRAME_BYTES // protocol.position_bytes, max(1, protocol.opened.window // 2))
    step = most * protocol.position_bytes
    for begin in range(0, len(given), step):
        # A copy: it is kept until the server has it, and the caller may reuse its buffer.
        yield bytes(given[begin : begin + step])


def credits(count: int, protocol: StreamProtocol) -> Iterator[int]:
    """Cut `count` steps so that each credit is half a window at most. ValueError below 0, TypeError
    where they mean nothing."""
    if not protocol.takes_credit:
        raise TypeError(f"{protocol.request.model} is no generator: send it what it reads")
    if count < 0:
        raise ValueError(f"a credit of {count} steps; steps that were asked for are not taken back")
    most = max(1, protocol.opened.window // 2)
    yield from (min(most, count - at) for at in range(0, count, most))


class StreamTable:
    """The streams of one connection, by the names under which answers come."""

    def __init__(self) -> None:
        self._by_request: dict[str, StreamProtocol] = {}
        self._by_stream: dict[bytes, StreamProtocol] = {}
        self._by_fed: dict[bytes, StreamProtocol] = {}  # streams that others feed
        self.description: wire.Description | None = None
        self.heard_at = -math.inf  # when anything came from the server

    def add(self, protocol: StreamProtocol) -> None:
        self._by_request[protocol.request.request] = protocol

    def remove(self, protocol: StreamProtocol) -> None:
        self._by_request.pop(protocol.request.request, None)
        if protocol.opened:
            self._by_stream.pop(protocol.opened.stream, None)

    def streams(self) -> list[StreamProtocol]:
        """Those that are not over."""
        return list(self._by_request.values())

    def abandoned(self) -> list[StreamProtocol]:
        """Those that can be closed now."""
        streams = self._by_request.values()
        return [p for p in streams if p.opened and not p.closing and not p.refusal]

    def due(self, now: float, waiting_since: float) -> Iterator[tuple[StreamProtocol, Parts]]:
        """What is to be sent again, and for whom."""
        for protocol in self.streams():
            for parts in protocol.due(now, waiting_since):
                yield protocol, parts

    def pause(self, now: float) -> float:
        """Seconds until something may be due again."""
        repeats = [p.repeat_at - now for p in self._by_request.values() if p.repeat_at is not None]
        return max(0.0, min([PATIENCE_S, *repeats]))

    def take(self, parts: list[bytes], now: float) -> None:
        """Give an answer to its stream. NoServer for one that can't be read: another program sent it."""
        try:
            message = wire.decode_output(*parts[:2])
        except wire.WireError as error:
            raise NoServer(f"what answers is no streamer server of wire {wire.VERSION}: {error}") from None
        self.heard_at = now
        if isinstance(message, wire.Description):
            self.description = message
        elif isinstance(message, wire.Opened):
            self._open(message, now)
        elif isinstance(message, wire.Refused) and message.request:
            if protocol := self._by_request.get(message.request):
                protocol.take(message, now)
        elif protocol := self._by_stream.get(message.stream):
            protocol.take(message, now)
            if protocol.closed:
                self.remove(protocol)
        elif protocol := self._by_fed.get(message.stream):
            protocol.take_fed(message)
            if isinstance(message, wire.Closed):
                del self._by_fed[message.stream]

    def endpoint(self, protocol: StreamProtocol, address: str) -> str:
        """Where a stream's inputs go. A server bound to all its addresses is where we found it."""
        endpoint = protocol.opened.endpoint
        return address if not endpoint or endpoint.startswith(WILDCARDS) else endpoint

    def _open(self, opened: wire.Opened, now: float) -> None:
        source = self._by_stream.get(opened.source) or self._by_fed.get(opened.source)
        if source:
            source.take_fed(opened)
            self._by_fed[opened.stream] = source
            return
        protocol = self._by_request.get(opened.request)
        if protocol is None:
            return
        if protocol.opened:
            self._by_stream.pop(protocol.opened.stream, None)
        protocol.take(opened, now)
        self._by_stream[opened.stream] = protocol
