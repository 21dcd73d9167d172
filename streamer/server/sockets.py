"""The two sockets of a server: a ROUTER for the owners of streams, an XPUB for watchers."""

import errno

import zmq

from streamer import wire

# A stalled reader costs at most this many messages of memory, then it loses some: results are
# numbered, so it sees the gap. 10,000 partials are minutes of speech and a few MiB.
SEND_HIGH_WATER = 10_000
# Inputs are never dropped: past this many unread ones of a peer ZeroMQ stops reading from it and
# TCP slows it down. Frames of 100 ms of 100 streams on one connection fit twice.
RECEIVE_HIGH_WATER = 256
# Parts too many of a message that are dropped before the engine may step.
DISCARDED_AT_ONCE = 20_000
# Parts too many of one message, after which its sender is hostile. ZeroMQ gives nobody else's inputs until
# it has given all of them, at about a microsecond each.
MOST_DISCARDED = 200_000
# Connections whose addresses are remembered, the oldest forgotten first.
MOST_ADDRESSES = 100_000
# A subscription is MODEL/STREAM, or the beginning of it.
MAX_TOPIC_BYTES = 512
# Somewhat too large still gets a typed refusal; far too large costs the peer its connection.
MAX_PART_BYTES = 2 * wire.MAX_PAYLOAD_BYTES
# A queued answer may still leave for this long when the sockets close.
LINGER_MS = 500
MAX_PORT = 65_535


class AddressError(OSError):
    """An address that can't be bound; the message is one line and names it."""


class Sockets:
    """ROUTER and XPUB, bound. `inputs` and `publish` are the addresses in use, ports resolved."""

    def __init__(self, inputs: str, publish: str):
        self._open(inputs, publish)
        self.undelivered = 0  # answers whose peer had gone or had stopped reading
        self._addresses: dict[bytes, str] = {}  # of the peers heard last
        self._discarding = False  # whether the message that is being received has parts too many
        self._discarded = 0  # of these parts

    def __enter__(self) -> "Sockets":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reopen(self) -> None:
        """Drop all connections, and with them what ZeroMQ holds for them; those who are well connect again.

        Unfinished messages and subscriptions can be bounded in no other way. AddressError where another
        process took the address meanwhile.
        """
        self._context.destroy(linger=0)
        self._discarding, self._discarded = False, 0
        self._open(self.inputs, self.publish)

    @property
    def flooded(self) -> bool:
        """Whether one message has so many parts that only `reopen` lets the others be heard soon."""
        return self._discarded >= MOST_DISCARDED

    def close(self) -> None:
        """Close both; what is queued may leave for LINGER_MS."""
        self._context.destroy(linger=LINGER_MS)

    def wait(self, wait_ms: int) -> None:
        """Wait for an input for at most `wait_ms`."""
        if self._publisher in dict(self._poller.poll(wait_ms)):
            self._take_subscriptions()

    def receive(self) -> tuple[bytes, list[bytes]] | None:
        """The next input that has arrived: the peer and its parts, none more than `wire.MAX_PARTS`."""
        if self._discarding and not self._discard():
            return None
        try:
            identity = self._router.recv(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        peer = identity.bytes
        if peer not in self._addresses:
            self._note_address(peer, identity)
        parts: list[bytes] = []
        part = identity
        while part.more and len(parts) < wire.MAX_PARTS:
            part = self._router.recv(copy=False)
            parts.append(part.bytes)
        self._discarding = part.more
        return peer, parts

    def _note_address(self, peer: bytes, identity: zmq.Frame) -> None:
        if len(self._addresses) == MOST_ADDRESSES:
            del self._addresses[next(iter(self._addresses))]
        try:
            self._addresses[peer] = str(identity.get("Peer-Address"))
        except zmq.ZMQError:
            self._addresses[peer] = ""

    def _discard(self) -> bool:
        """Drop parts of the message that has too many; whether it is at its end."""
        # A frame knows whether more follow; asking the socket takes eight times as long.
        for _ in range(DISCARDED_AT_ONCE):
            if not self._router.recv(copy=False).more:
                self._discarding, self._discarded = False, 0
                return True
        self._discarded += DISCARDED_AT_ONCE
        return False

    def address_of(self, peer: bytes) -> str:
        """The remote address of a peer that was heard; empty where ZeroMQ knows none, as of ipc."""
        return self._addresses.get(peer, "")

    def send(self, peer: bytes, parts: list[bytes]) -> None:
        """Send to one peer. One that is gone or no longer reads is counted, never waited for."""
        try:
            self._router.send_multipart([peer, *parts], zmq.NOBLOCK)
        except zmq.Again:
            self.undelivered += 1
        except zmq.ZMQError as error:
            if error.errno != errno.EHOSTUNREACH:
                raise
            self.undelivered += 1

    def publish_to(self, topic: bytes, parts: list[bytes]) -> None:
        """Send to all who subscribed to a prefix of `topic`; a watcher that stalls loses some."""
        self._publisher.send_multipart([topic, *parts], zmq.NOBLOCK)

    def _take_subscriptions(self) -> None:
        # ZeroMQ itself applies them; unread they would pile up.
        while True:
            try:
                self._publisher.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return

    def _open(self, inputs: str, publish: str) -> None:
        self._context = zmq.Context()
        try:
            self._router, self.inputs = self._bind(zmq.ROUTER, inputs)
            self._publisher, self.publish = self._bind(zmq.XPUB, publish)
        except AddressError:
            self._context.destroy(linger=0)
            raise
        self._poller = zmq.Poller()
        self._poller.register(self._router, zmq.POLLIN)
        self._poller.register(self._publisher, zmq.POLLIN)

    def _bind(self, kind: int, address: str) -> tuple[zmq.Socket[bytes], str]:
        socket = self._context.socket(kind)
        socket.set(zmq.LINGER, LINGER_MS)
        socket.set(zmq.SNDHWM, SEND_HIGH_WATER)
        socket.set(zmq.RCVHWM, RECEIVE_HIGH_WATER)
        socket.set(zmq.MAXMSGSIZE, MAX_PART_BYTES if kind == zmq.ROUTER else MAX_TOPIC_BYTES)
        socket.set(zmq.IPV6, "[" in address)
        if kind == zmq.ROUTER:
            # Without it, answers to a peer that is gone vanish uncounted.
            socket.set(zmq.ROUTER_MANDATORY, 1)
        port = address.rpartition(":")[2]
        if port.isdigit() and int(port) > MAX_PORT:
            # ZeroMQ would take the remainder after 65,536 without a word.
            raise AddressError(f"{address!r} can't be bound: ports end at {MAX_PORT}")
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            raise AddressError(_complaint(address, error)) from None
        return socket, socket.get_string(zmq.LAST_ENDPOINT)


def on_loopback(address: str) -> bool:
    """Whether only programs of this machine can reach a bound address."""
    host = address.removeprefix("tcp://").rpartition(":")[0].strip("[]")
    return not address.startswith("tcp://") or host == "::1" or host.startswith("127.")


def _complaint(address: str, error: zmq.ZMQError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is in use by another program; stop it or choose another port"
    return f"{address!r} can't be bound: {error.strerror}"
