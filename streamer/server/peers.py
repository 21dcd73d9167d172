"""What one peer may ask of a server; a peer is a remote address, whatever it calls itself."""

from dataclasses import dataclass, field

from streamer import wire
from streamer.server.contract import UNGUESSABLE

BURST_S = 2.0  # of inputs that may come at once
RETRY_MS = 250
IDLE_S = 60.0


@dataclass(frozen=True)
class PeerLimits:
    """Bounds of each peer; the server's config names them and their units."""

    streams: int = 1024
    inputs_per_s: int = 30_000
    waiting_bytes: int = 256 * 2**20


@dataclass
class _Peer:
    inputs: float  # that it may send now
    since: float  # when that was so
    streams: dict[bytes, str] = field(default_factory=dict)  # and what, repeated, finds them
    waiting_bytes: int = 0


@dataclass
class _Stream:
    address: str
    window: int
    position_bytes: int
    waiting_bytes: int = 0


class Peers:
    """Counts what each address has, and refuses what goes beyond its limits."""

    def __init__(self, limits: PeerLimits):
        self.limits = limits
        self._peers: dict[str, _Peer] = {}
        self._streams: dict[bytes, _Stream] = {}

    def refuse(self, address: str, message: wire.Input, num_bytes: int, now: float) -> wire.Refused | None:
        """Why an input of `address` with `num_bytes` of payload is not taken at `now`, if so.

        `expected` of a refused stream input is left to the caller, who knows the stream.
        """
        limits, most = self.limits, BURST_S * self.limits.inputs_per_s
        peer = self._peers.setdefault(address, _Peer(most, now))
        peer.inputs = min(most, peer.inputs + (now - peer.since) * limits.inputs_per_s)
        peer.since = now
        if peer.inputs < 1:
            return _busy(message, f"more than {limits.inputs_per_s} inputs a second came from {address}")
        peer.inputs -= 1
        at_most = len(peer.streams) >= limits.streams
        if at_most and isinstance(message, wire.Open | wire.Resume) and self.another(address, message):
            text = f"{address} has its {limits.streams} streams; close one"
            return wire.Refused("full", text, "", message.request, retry_after_ms=1000)
        if num_bytes and peer.waiting_bytes + num_bytes > limits.waiting_bytes:
            return _busy(message, f"{limits.waiting_bytes} bytes of {address} wait already")
        return None

    def another(self, address: str, message: wire.Open | wire.Resume) -> bool:
        """Whether `message` asks for a stream beside those that are open, and doesn't find back to one."""
        if isinstance(message, wire.Resume):
            return message.stream not in self._streams
        peer = self._peers.get(address)
        return peer is None or message.request not in peer.streams.values()

    def took(self, message: wire.Input, num_bytes: int) -> None:
        """The engine was given a payload of `num_bytes`."""
        if num_bytes and isinstance(message, wire.StreamInput):
            stream = self._streams.get(message.stream)
            if stream:
                self._wait(stream, stream.waiting_bytes + num_bytes)

    def told(self, address: str, message: wire.Output) -> None:
        """The engine has answered: streams open and close, and what waited was worked on."""
        if isinstance(message, wire.Opened):
            # What a stream feeds is no stream of its own.
            if message.stream not in self._streams and not message.source:
                self._streams[message.stream] = _Stream(address, message.window, _position_bytes(message))
                self._peers[address].streams[message.stream] = _repeatable(message)
        elif isinstance(message, wire.Ack):
            if stream := self._streams.get(message.stream):
                self._wait(stream, (stream.window - message.window) * stream.position_bytes)
        elif isinstance(message, wire.Closed | wire.Moved) and (
            stream := self._streams.pop(message.stream, None)
        ):
            self._wait(stream, 0)
            del self._peers[stream.address].streams[message.stream]

    def forget_idle(self, now: float) -> None:
        """Drop the counts of addresses that have no stream and were not heard for IDLE_S."""
        idle = [a for a, peer in self._peers.items() if not peer.streams and now - peer.since > IDLE_S]
        for address in idle:
            del self._peers[address]

    def _wait(self, stream: _Stream, num_bytes: int) -> None:
        self._peers[stream.address].waiting_bytes += num_bytes - stream.waiting_bytes
        stream.waiting_bytes = num_bytes


def _busy(message: wire.Input, text: str) -> wire.Refused:
    request = getattr(message, "request", "")
    stream = getattr(message, "stream", b"")
    return wire.Refused("overrun", f"{text}; wait", "", request, stream, retry_after_ms=RETRY_MS)


def _repeatable(opened: wire.Opened) -> str:
    """The request whose repetition gives the same stream, on whichever connection; empty if none does."""
    resumed = opened.incarnation.epoch > 0
    return "" if resumed or len(opened.request) < UNGUESSABLE else opened.request


def _position_bytes(opened: wire.Opened) -> int:
    """Bytes of payload that a position of the stream takes."""
    format = opened.options.get("format", {})
    channels: int = format.get("channels", 1)
    return wire.SAMPLE_BYTES.get(format.get("encoding", ""), 1) * channels
