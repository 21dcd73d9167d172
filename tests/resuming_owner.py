"""The owner of a stream with checkpoints: keeps its inputs, and goes on at another engine when one dies."""

from dataclasses import dataclass, field

import msgspec

from streamer import wire
from streamer.server.contract import Outgoing, WireEngine
from tests.tiny_engine import plain


@dataclass
class Kept:
    message: wire.StreamInput
    payload: bytes
    cut: int = 0  # positions of it that a checkpoint holds


@dataclass
class Owner:
    """Every result that it took, by stream and number; a repeated one must be the same."""

    engine: WireEngine
    origin: wire.Open
    position_bytes: int = 1
    now: float = 0.0
    kept: list[Kept] = field(default_factory=list)
    seq: int = 0
    position: int = 0
    results: dict[tuple[bytes, int], tuple] = field(default_factory=dict)
    repeated: int = 0
    checkpoint: tuple[wire.Checkpoint, bytes] | None = None
    opened: wire.Opened | None = None
    fed: dict[bytes, str] = field(default_factory=dict)
    closed: dict[bytes, wire.Closed] = field(default_factory=dict)
    refused: list[wire.Refused] = field(default_factory=list)
    num_resumed: int = 0
    offsets: list[int] = field(default_factory=list)  # into inputs, where it was resumed

    def open(self) -> "Owner":
        self._take(self.engine.receive(b"peer", self.origin, b"", self.now))
        return self

    def give(self, kind: type, payload: bytes = b"", count: int = 0, **keys) -> None:
        """The next input, of `count` positions."""
        self.seq += 1
        starts = {"start": self.position} if "start" in kind.__struct_fields__ else {}
        counts = {"count": count} if "count" in kind.__struct_fields__ else {}
        ids = {"stream": self.opened.stream, "owner": self.opened.owner}
        message = kind(**ids, seq=self.seq, **starts, **counts, **keys)
        self.position += count
        self.kept.append(Kept(message, payload))
        self._take(self.engine.receive(b"peer", message, payload, self.now))

    def tick(self, seconds: float = 0.1) -> None:
        self.now += seconds
        self._take(self.engine.tick(self.now))

    def settle(self) -> None:
        self.tick()
        while self.engine.due <= self.now:
            self.tick(0.0)

    def resume(self, engine: WireEngine) -> None:
        """`engine` stands where the old one died."""
        self.engine, self.num_resumed = engine, self.num_resumed + 1
        if self.checkpoint is None:
            self.opened = None
            self.fed.clear()
            self.results.clear()  # another stream, which says the same from its beginning
            self._take(engine.receive(b"peer", self.origin, b"", self.now))
            ids = {"stream": self.opened.stream, "owner": self.opened.owner}
            for kept in self.kept:
                kept.message = msgspec.structs.replace(kept.message, **ids)
        else:
            held, condition = self.checkpoint
            request = wire.Resume(
                f"again {self.num_resumed}",
                self.opened.stream,
                self.opened.owner,
                incarnation=self.opened.incarnation,
            )
            self._take(engine.receive(b"peer", request, condition, self.now))
            assert (self.opened.covered, self.opened.offset) == (held.covered, held.offset)
            assert self.opened.results == held.results
            self.offsets.append(self.opened.offset)
        for kept in list(self.kept):
            self._take(engine.receive(b"peer", kept.message, kept.payload, self.now))

    def said(self) -> dict[str, list[tuple]]:
        """What each model said, without the streams' names."""
        names = {self.opened.stream: self.origin.model, **self.fed}
        said: dict[str, list[tuple]] = {name: [] for name in names.values()}
        for (stream, _), result in sorted(self.results.items(), key=lambda item: item[0][1]):
            said[names[stream]].append(result)
        return said

    def _take(self, outgoing: list[Outgoing]) -> None:
        for out in outgoing:
            message = out.message
            if isinstance(message, wire.Opened):
                if message.source:
                    self.fed[message.stream] = message.model
                else:
                    self.opened = message
            elif isinstance(message, wire.Result):
                key, said = (message.stream, message.seq), plain(message)
                assert self.results.get(key, said) == said
                self.repeated += key in self.results
                self.results[key] = said
            elif isinstance(message, wire.Checkpoint | wire.Moved) and out.condition:
                self.checkpoint = message, out.condition
                self._cover(message.covered, message.offset)
            elif isinstance(message, wire.Closed):
                self.closed[message.stream] = message
            elif isinstance(message, wire.Refused):
                self.refused.append(message)

    def _cover(self, covered: int, offset: int) -> None:
        self.kept = [kept for kept in self.kept if kept.message.seq > covered]
        if offset:
            head, changes = self.kept[0], {}
            more = offset - head.cut
            if hasattr(head.message, "start"):
                changes["start"] = head.message.start + more
            if hasattr(head.message, "count"):
                changes["count"] = head.message.count - more
            head.message = msgspec.structs.replace(head.message, **changes)
            head.payload, head.cut = head.payload[more * self.position_bytes :], offset
