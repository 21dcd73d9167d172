"""The loop: sockets to engine, engine to sockets, in one thread, until it is told to stop."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from streamer import wire
from streamer.errors import WireError
from streamer.server.announcing import announce
from streamer.server.contract import Outgoing, WireEngine
from streamer.server.listening_clock import ListeningClock
from streamer.server.memory import MemoryWatch, give_back
from streamer.server.peers import PeerLimits, Peers
from streamer.server.recording import Recorder
from streamer.server.rings import Rings, replayed
from streamer.server.sealing import Sealer
from streamer.server.sockets import Sockets

# Inputs, and seconds of taking them, before the engine steps again: the rest waits in ZeroMQ, which
# takes from its connections in turn. So neither many inputs nor dear ones starve the steps.
MOST_INPUTS = 512
INTAKE_SECONDS = 0.02
# After connections were dropped for want of memory, before that may happen again.
SHEDDING_SECONDS = 10.0
# An idle turn ends after this long; leases and `stop` are looked at so often.
IDLE_MS = 50
# While a step waits for more streams, inputs are taken this often and not one by one: waking for each
# of 1,000 a second costs 7 % of a core.
REST_SECONDS = 0.003
# After `stop`, streams may take this long to say their last words.
DRAIN_SECONDS = 5.0


class Loop:
    """Drives an engine from its sockets; `recorder` writes down what the engine is given.

    What the engine tells of a stream's condition leaves sealed, and comes back through `sealer`.
    """

    def __init__(
        self,
        engine: WireEngine,
        sockets: Sockets,
        recorder: Recorder | None = None,
        peers: Peers | None = None,
        memory: MemoryWatch | None = None,
        sealer: Sealer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.engine, self.sockets, self.recorder = engine, sockets, recorder
        self.sealer = sealer or Sealer(None)
        self.peers = peers or Peers(PeerLimits())
        self.memory = memory or MemoryWatch()
        self.clock = ListeningClock(clock)
        self._next_shedding = 0.0
        self._topics: dict[bytes, bytes] = {}  # stream to topic, while it is open
        self._rings = Rings()
        self._stops = 0

    def run(self) -> None:
        """Serve until `stop`; then refuse new streams, close all, and return when they are out."""
        while not self._stops:
            self.turn()
        now = self.clock()
        if self.recorder:
            self.recorder.drain(now)
        self._send(self.engine.drain(now), now)
        until = now + DRAIN_SECONDS
        while self.engine.due < math.inf and self.clock() < until and self._stops < 2:
            self.turn()

    def stop(self) -> None:
        """Drain and return from `run`; called twice, return at once. Any thread, any signal."""
        self._stops += 1

    def turn(self) -> None:
        """Take what has arrived, step once, send what there is to say."""
        self.sockets.wait(self._rest())
        # One instant for the whole turn: a replay that takes the same turns finds the same leases
        # run out.
        now = self.clock()
        if self.memory.over(now) and now >= self._next_shedding:
            self._shed(now)
        taken = self._take_inputs(now)
        if self.sockets.flooded:
            self._drop_connections("a message has more parts than can be discarded in time")
        outgoing = self.engine.tick(now)
        if self.recorder:
            expired = self.engine.expired
            if taken or expired:
                self.recorder.tick(now, list(expired))
        self._send(outgoing, now)

    def _shed(self, now: float) -> None:
        """Give memory back before the machine suffers: streams stay, connections are dropped."""
        self._next_shedding = now + SHEDDING_SECONDS
        self.peers.forget_idle(now)
        held, most = (num_bytes // 2**20 for num_bytes in (self.memory.held_bytes, self.memory.most_bytes))
        self._drop_connections(f"{held} MiB held, {most} may be")
        give_back()

    def _drop_connections(self, why: str) -> None:
        """Drop all: ZeroMQ lets none be chosen. Streams stay."""
        self.sockets.reopen()
        announce(f"{why}: all connections were dropped; those who are well connect again")

    def _take_inputs(self, now: float) -> int:
        """Give the engine what has arrived, within the bounds of a turn; how many inputs it was given."""
        until = time.perf_counter() + INTAKE_SECONDS
        taken = 0
        for _ in range(MOST_INPUTS):
            if time.perf_counter() >= until:
                break
            arrived = self.sockets.receive()
            if arrived is None:
                break
            peer, parts = arrived
            taken += self._receive(peer, parts, now)
        return taken

    def _rest(self) -> int:
        """Rest while a step waits for company; then the milliseconds that an input may be awaited."""
        left = self.engine.due - self.clock()
        if left == math.inf:
            return IDLE_MS
        if left > 0:
            time.sleep(min(left, REST_SECONDS))
        return 0

    def _receive(self, peer: bytes, parts: list[bytes], now: float) -> bool:
        """Decode an input and give it to the engine, unless its peer has too much; whether it was taken."""
        try:
            message, payload = decode_parts(parts)
        except wire.WireError as error:
            if self.recorder:
                self.recorder.input(now, peer, parts)
            self._refuse(peer, wire.refusal_of(error), now)
            return True
        address = self.sockets.address_of(peer)
        if (
            isinstance(message, wire.Open | wire.Resume)
            and self.memory.over(now)
            and self.peers.another(address, message)
        ):
            text = "the server is short of memory; try again later"
            self._refuse(peer, wire.Refused("full", text, "", message.request, retry_after_ms=1000), now)
            return False
        if refused := self.peers.refuse(address, message, len(payload), now):
            self._refuse(peer, refused, now)
            return False
        if isinstance(message, wire.Replay):
            self._replay(peer, message)
            return False
        if isinstance(message, wire.Resume):
            try:
                # A stream that lives here is reattached, whatever its owner keeps.
                wanted = payload and message.stream not in self._topics
                payload = self.sealer.open(payload) if wanted else b""
            except WireError as error:
                refused = wire.refusal_of(error, message.request)
                self._refuse(peer, replace(refused, stream=message.stream, fatal=True), now)
                return False
            parts = [parts[0], payload]
        if self.recorder:
            self.recorder.input(now, peer, parts)
        self.peers.took(message, len(payload))
        self._send(self.engine.receive(peer, message, payload, now), now)
        return True

    def _replay(self, peer: bytes, message: wire.Replay) -> None:
        """Send again what the ring of a stream has, to whoever may hear it."""
        kept = self._rings.since(message.stream, message.from_seq, message.owner)
        if kept is None:
            text = "there is no such stream, or it isn't published"
            refused = wire.Refused("unknown_stream", text, "stream", message.request, message.stream)
            self.sockets.send(peer, wire.encode(refused))
            return
        for sent in kept:
            self.sockets.send(peer, [sent.header])
        self.sockets.send(peer, wire.encode(replayed(message, kept)))

    def _refuse(self, peer: bytes, refused: wire.Refused, now: float) -> None:
        """Refuse what the engine never sees; the stream's owner is told which input it expects."""
        expected = self.engine.expected(peer, refused.stream)
        self._answer(peer, replace(refused, expected=expected), now)

    def _send(self, outgoing: list[Outgoing], now: float) -> None:
        for out in outgoing:
            if isinstance(out.message, wire.Checkpoint | wire.Moved):
                self._entrust(out, now)
            else:
                self._answer(out.peer, out.message, now)

    def _entrust(self, out: Outgoing, now: float) -> None:
        """Give a stream's owner its condition, sealed; one too large for a message is not sent."""
        sealed = self.sealer.seal(out.condition) if out.condition else b""
        fits = len(sealed) <= wire.MAX_PAYLOAD_BYTES
        if fits or isinstance(out.message, wire.Moved):  # which its owner is told in any case
            payload = [sealed] if sealed and fits else []
            self.sockets.send(out.peer, [*wire.encode(out.message), *payload])
        if isinstance(out.message, wire.Moved):
            self.peers.told(self.sockets.address_of(out.peer), out.message)
            self._topics.pop(out.message.stream, None)
            self._rings.end(out.message.stream, now)

    def _answer(self, peer: bytes, message: wire.Output, now: float) -> None:
        parts = wire.encode(message)
        self.sockets.send(peer, parts)
        self.peers.told(self.sockets.address_of(peer), message)
        if self.recorder and not isinstance(message, wire.Ack):
            self.recorder.answer(now, peer, parts)
        if isinstance(message, wire.Opened):
            self._topics[message.stream] = message.topic.encode()
            self._rings.begin(message)
        elif isinstance(message, wire.Result):
            self._rings.add(message, parts[0])
            self._publish(self._topics[message.stream], parts)
        elif isinstance(message, wire.Closed) and message.stream in self._topics:  # not when it is said again
            self._publish(self._topics.pop(message.stream), parts)
            self._rings.end(message.stream, now)

    def _publish(self, topic: bytes, parts: list[bytes]) -> None:
        if topic:  # else its owner wants nobody else to hear
            self.sockets.publish_to(topic, parts)


def decode_parts(parts: list[bytes]) -> tuple[wire.Input, bytes]:
    """The message and the payload of one or two parts. WireError for any other number of them."""
    if not 1 <= len(parts) <= 2:
        how_many = "no part" if not parts else "more than two parts"
        text = f"{how_many}; a message has a header and at most one payload"
        raise wire.WireError("bad_header", text)
    return wire.decode_input(*parts), parts[1] if len(parts) > 1 else b""


@contextmanager
def stopped_by_signals(loop: Loop) -> Iterator[None]:
    """SIGTERM and SIGINT stop `loop` while this lasts. Only in the main thread."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: loop.stop())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
