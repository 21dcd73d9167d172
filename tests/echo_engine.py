"""An engine for tests of the wire's ends: keeps order, window and lease, and answers every frame."""

import hashlib
from dataclasses import dataclass, field
from math import inf

from streamer import wire
from streamer.server.contract import Outgoing, WireEngine

WINDOW = 1600
LEASE_S = 10.0
SAMPLE_BYTES = 2


@dataclass
class Echo:
    peer: bytes
    opened: wire.Opened
    owner: bytes
    heard_at: float
    accepted: int = 0
    position: int = 0
    results: int = 0
    waiting: list = field(default_factory=list)


class EchoEngine(WireEngine):
    """Says for every frame a partial with the digest of all samples so far, and a final at Flush.

    `steps` frames of each stream are answered in one tick.
    """

    def __init__(self, name: str = "first", steps: int = 100, lease_s: float = LEASE_S, window: int = WINDOW):
        self.name, self.steps, self.lease_s, self.window = name, steps, lease_s, window
        self.streams: dict[bytes, Echo] = {}
        self.requests: dict[str, bytes] = {}
        self.digests: dict[bytes, hashlib._Hash] = {}
        self.draining = False
        self.taken: list[wire.Input] = []

    @property
    def due(self) -> float:
        return 0.0 if any(echo.waiting for echo in self.streams.values()) else inf

    def receive(self, peer, message, payload, now):
        if isinstance(message, wire.Describe):
            models = (wire.ModelDescription("echo"),)
            return [Outgoing(peer, wire.Description(message.request, models=models))]
        if isinstance(message, wire.Open):
            return [Outgoing(peer, self._open(peer, message, now))]
        echo = self.streams.get(message.stream)
        if echo is None:
            return [Outgoing(peer, wire.Refused("unknown_stream", "no such stream", stream=message.stream))]
        if message.owner != echo.owner:
            return [Outgoing(peer, wire.Refused("not_owner", "another owner", stream=message.stream))]
        echo.peer, echo.heard_at = peer, now
        return [Outgoing(peer, answer) for answer in self._take(echo, message, payload)]

    def expected(self, peer, stream):
        echo = self.streams.get(stream)
        return echo.accepted + 1 if echo and echo.peer == peer else 0

    def tick(self, now):
        out, self.expired = [], []
        for stream, echo in list(self.streams.items()):
            for message, payload in echo.waiting[: self.steps]:
                out += [Outgoing(echo.peer, answer) for answer in self._answer(echo, message, payload)]
            full = len(echo.waiting) > 0
            echo.waiting = echo.waiting[self.steps :]
            if stream not in self.streams:
                continue
            if full:
                out.append(Outgoing(echo.peer, wire.Ack(stream, echo.accepted, self._free(echo))))
            if now - echo.heard_at > self.lease_s:
                self.expired.append(stream)
                out.append(Outgoing(echo.peer, self._close(echo, "lease")))
        return out

    def drain(self, now):
        self.draining = True
        return [Outgoing(echo.peer, self._close(echo, "draining")) for echo in list(self.streams.values())]

    def _open(self, peer, message, now):
        if message.request in self.requests:
            echo = self.streams[self.requests[message.request]]
            echo.peer = peer
            return echo.opened
        if self.draining:
            return wire.Refused("draining", "the server stops", request=message.request, fatal=True)
        if message.model != "echo":
            text = f"no model {message.model!r}"
            return wire.Refused("unknown_model", text, "model", request=message.request, fatal=True)
        number = len(self.digests)
        stream = hashlib.md5(f"{self.name} {number} {id(self)}".encode()).digest()
        topic = f"echo/{stream.hex()}" if message.publish else ""
        opened = wire.Opened(
            message.request,
            stream,
            stream[::-1],
            model="echo",
            topic=topic,
            window=self.window,
            options=message.options,
            lease_ms=int(self.lease_s * 1000),
            features=("flush", "publish"),
        )
        self.requests[message.request] = stream
        self.streams[stream] = Echo(peer, opened, opened.owner, now)
        self.digests[stream] = hashlib.md5()
        return opened

    def _take(self, echo, message, payload):
        stream, expected = message.stream, echo.accepted + 1
        if message.seq < expected:
            return [wire.Ack(stream, echo.accepted, self._free(echo))]
        if message.seq > expected:
            return [wire.Refused("hole", f"{expected} is missing", stream=stream, expected=expected)]
        count = (
            len(payload) // SAMPLE_BYTES if isinstance(message, wire.Audio) else getattr(message, "count", 0)
        )
        if count > self._free(echo):
            text = "the window is full"
            return [wire.Refused("overrun", text, stream=stream, expected=expected, retry_after_ms=20)]
        if isinstance(message, wire.Audio | wire.Skip) and message.start != echo.position:
            return [wire.Refused("bad_payload", "wrong start", "start", stream=stream, expected=expected)]
        self.taken.append(message)
        echo.accepted, echo.position = message.seq, echo.position + count
        echo.waiting.append((message, payload))
        applied = (
            [wire.Applied(stream, echo.position, message.values)] if isinstance(message, wire.Control) else []
        )
        return [wire.Ack(stream, echo.accepted, self._free(echo)), *applied]

    def _free(self, echo):
        return self.window - sum(len(payload) // SAMPLE_BYTES for _, payload in echo.waiting)

    def _answer(self, echo, message, payload):
        stream, digest = message.stream, self.digests[message.stream]
        digest.update(payload)
        if isinstance(message, wire.Close):
            return [self._close(echo, "closed")]
        if isinstance(message, wire.Skip | wire.Control):
            return []
        kind = "final" if isinstance(message, wire.Flush) else "partial"
        echo.results += 1
        text = digest.hexdigest()
        through = getattr(message, "start", echo.position) + len(payload) // SAMPLE_BYTES
        alternatives = (wire.Alternative(text, (wire.Word(text, 0, through),)),)
        return [wire.Result(stream, echo.results, 0, kind, through, message.seq, alternatives)]

    def _close(self, echo, reason):
        stream = echo.opened.stream
        del self.streams[stream], self.requests[echo.opened.request]
        return wire.Closed(stream, reason, echo.results, echo.position)
