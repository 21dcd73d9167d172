"""The loop: sockets to engine, engine to sockets, in one thread, until it is told to stop."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamer import wire
from streamer.server.contract import Outgoing, WireEngine
from streamer.server.listening_clock import ListeningClock
from streamer.server.recording import Recorder
from streamer.server.sockets import Sockets

# Inputs, and seconds of taking them, before the engine steps again: the rest waits in ZeroMQ, which
# takes from its connections in turn. So neither many inputs nor dear ones starve the steps.
MOST_INPUTS = 512
INTAKE_SECONDS = 0.02
# An idle turn ends after this long; leases and `stop` are looked at so often.
IDLE_MS = 50
# While a step waits for more streams, inputs are taken this often and not one by one: waking for each
# of 1,000 a second costs 7 % of a core.
REST_SECONDS = 0.003
# After `stop`, streams may take this long to say their last words.
DRAIN_SECONDS = 5.0


class Loop:
    """Drives an engine from its sockets; `recorder` writes down what the engine is given."""

    def __init__(
        self,
        engine: WireEngine,
        sockets: Sockets,
        recorder: Recorder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.engine, self.sockets, self.recorder = engine, sockets, recorder
        self.clock = ListeningClock(clock)
        self._topics: dict[bytes, bytes] = {}  # stream to topic, while it is open
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
        taken = self._take_inputs(now)
        outgoing = self.engine.tick(now)
        if self.recorder:
            expired = expired_streams(outgoing)
            if taken or expired:
                self.recorder.tick(now, expired)
        self._send(outgoing, now)

    def _take_inputs(self, now: float) -> int:
        """Give the engine what has arrived, within the bounds of a turn; how many inputs there were."""
        until = time.perf_counter() + INTAKE_SECONDS
        taken = 0
        while taken < MOST_INPUTS and time.perf_counter() < until:
            arrived = self.sockets.receive()
            if arrived is None:
                break
            peer, parts = arrived
            if self.recorder:
                self.recorder.input(now, peer, parts)
            self._receive(peer, parts, now)
            taken += 1
        return taken

    def _rest(self) -> int:
        """Rest while a step waits for company; then the milliseconds that an input may be awaited."""
        left = self.engine.due - self.clock()
        if left == math.inf:
            return IDLE_MS
        if left > 0:
            time.sleep(min(left, REST_SECONDS))
        return 0

    def _receive(self, peer: bytes, parts: list[bytes], now: float) -> None:
        try:
            message, payload = decode_parts(parts)
        except wire.WireError as error:
            self._answer(peer, wire.refusal_of(error), now)
            return
        self._send(self.engine.receive(peer, message, payload, now), now)

    def _send(self, outgoing: list[Outgoing], now: float) -> None:
        for out in outgoing:
            self._answer(out.peer, out.message, now)

    def _answer(self, peer: bytes, message: wire.Output, now: float) -> None:
        parts = wire.encode(message)
        self.sockets.send(peer, parts)
        if self.recorder and not isinstance(message, wire.Ack):
            self.recorder.answer(now, peer, parts)
        if isinstance(message, wire.Opened):
            self._topics[message.stream] = message.topic.encode()
        elif isinstance(message, wire.Result):
            self.sockets.publish_to(self._topics[message.stream], parts)
        elif isinstance(message, wire.Closed):
            self.sockets.publish_to(self._topics.pop(message.stream), parts)


def expired_streams(outgoing: list[Outgoing]) -> list[bytes]:
    """The streams that end because their lease did."""
    messages = (out.message for out in outgoing)
    return [m.stream for m in messages if isinstance(m, wire.Closed) and m.reason == "lease"]


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
