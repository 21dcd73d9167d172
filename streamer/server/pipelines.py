"""Pipelines: what a stream says, final by final, feeds streams of models that read text."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from streamer import wire
from streamer.server.contract import Outgoing, WireEngine
from streamer.server.engine import Engine

NOBODY = bytes(wire.ID_BYTES)  # stands for a fed stream's owner: only the server may send to it


@dataclass
class Fed:
    """A stream that is fed; its owner's token stays here."""

    opened: wire.Opened
    seq: int = 0
    position: int = 0
    waiting: deque[bytes] = field(default_factory=deque)  # finals that did not fit into its window
    ending: bool = False  # its source has closed


class Pipelines(WireEngine):
    """An engine whose streams feed each other: `feeds` names by model the models that its finals go to.

    A fed stream is opened after its source and closed after it, and has no lease of its own. The
    k-th final with words is its input 2k - 1, a `Text`, and 2k, a `Flush`. Its results go where its
    source's go. One that fails ends by itself; its source goes on.
    """

    def __init__(self, engine: Engine, feeds: Mapping[str, Sequence[str]]):
        """ValueError for models that aren't served, read no text, or feed themselves in the end."""
        self.engine, self.feeds = engine, feeds
        self._by_source: dict[bytes, list[Fed]] = {}
        self._fed: set[bytes] = set()
        self._full: dict[bytes, tuple[bytes, Fed]] = {}  # those with finals that wait, and their peers
        _check(engine, feeds)

    @property
    def due(self) -> float:
        return self.engine.due

    def receive(self, peer: bytes, message: wire.Input, payload: bytes, now: float) -> list[Outgoing]:
        return self._followed(self.engine.receive(peer, message, payload, now), now)

    def expected(self, peer: bytes, stream: bytes) -> int:
        return self.engine.expected(peer, stream)

    def tick(self, now: float) -> list[Outgoing]:
        """One step of the engine, and what follows from it."""
        outgoing = self.engine.tick(now)
        self.expired = self.engine.expired
        full, self._full = self._full, {}
        for peer, fed in full.values():
            outgoing += self._send(peer, fed, now)
        return self._followed(outgoing, now)

    def drain(self, now: float) -> list[Outgoing]:
        """Refuse new streams and close all; those that are fed after their sources."""
        return self._followed(self.engine.drain(now), now)

    def _followed(self, outgoing: Iterable[Outgoing], now: float) -> list[Outgoing]:
        """`outgoing`, and what the streams that it feeds have to say at once."""
        waiting, followed = deque(outgoing), []
        while waiting:
            out = waiting.popleft()
            if isinstance(out.message, wire.Ack) and out.message.stream in self._fed:
                continue  # it is for us
            followed.append(out)
            match out.message:
                case wire.Opened():
                    waiting += self._open(out.peer, out.message, now)
                case wire.Result(kind="final", alternatives=(best, *_)) if best.text.strip():
                    waiting += self._feed(out.peer, out.message.stream, best.text, now)
                case wire.Closed():
                    waiting += self._close(out.peer, out.message.stream, now)
        return followed

    def _open(self, peer: bytes, source: wire.Opened, now: float) -> list[Outgoing]:
        """`Opened` of the streams that `source` feeds, which are opened unless its own is a repetition."""
        refused: list[wire.Refused] = []
        if source.stream not in self._by_source:
            names = self.feeds.get(source.model, ())
            answers = [self.engine.derive(peer, source, name, now) for name in names]
            fed = [Fed(answer) for answer in answers if isinstance(answer, wire.Opened)]
            refused = [answer for answer in answers if isinstance(answer, wire.Refused)]
            self._fed |= {stream.opened.stream for stream in fed}
            if names:
                self._by_source[source.stream] = fed
        opened = [
            msgspec.structs.replace(stream.opened, owner=NOBODY)
            for stream in self._by_source.get(source.stream, ())
        ]
        return [Outgoing(peer, answer) for answer in opened] + [Outgoing(peer, answer) for answer in refused]

    def _feed(self, peer: bytes, source: bytes, text: str, now: float) -> list[Outgoing]:
        outgoing: list[Outgoing] = []
        for fed in self._by_source.get(source, ()):
            fed.waiting.append(f"{text} ".encode())
            outgoing += self._send(peer, fed, now)
        return outgoing

    def _close(self, peer: bytes, closed: bytes, now: float) -> list[Outgoing]:
        """A stream is over: what it feeds ends after it, and nothing feeds it any more."""
        if closed in self._fed:
            self._fed.discard(closed)
            self._full.pop(closed, None)
            for fed in self._by_source.values():
                fed[:] = [stream for stream in fed if stream.opened.stream != closed]
        outgoing: list[Outgoing] = []
        for stream in self._by_source.pop(closed, ()):
            stream.ending = True
            outgoing += self._send(peer, stream, now)
        return outgoing

    def _send(self, peer: bytes, fed: Fed, now: float) -> list[Outgoing]:
        """Give the stream what waits for it, as far as it has room; what it says to that."""
        ids = {"stream": fed.opened.stream, "owner": fed.opened.owner}
        outgoing: list[Outgoing] = []
        while fed.waiting:
            payload = fed.waiting[0]
            text = wire.Text(**ids, seq=fed.seq + 1, start=fed.position)
            answers = self.engine.receive(peer, text, payload, now)
            codes = {out.message.code for out in answers if isinstance(out.message, wire.Refused)}
            if codes == {"overrun"}:
                self._full[fed.opened.stream] = peer, fed
                return outgoing
            outgoing += answers
            if codes:
                return outgoing
            fed.waiting.popleft()
            fed.seq, fed.position = fed.seq + 2, fed.position + len(payload)
            outgoing += self.engine.receive(peer, wire.Flush(**ids, seq=fed.seq), b"", now)
        if fed.ending:
            outgoing += self.engine.receive(peer, wire.Close(**ids, seq=fed.seq + 1), b"", now)
        return outgoing


def _check(engine: Engine, feeds: Mapping[str, Sequence[str]]) -> None:
    for source, fed in feeds.items():
        for name in (source, *fed):
            if name not in engine.models:
                raise ValueError(
                    f"pipelines.{source}: {name} is not served; there are {', '.join(engine.models)}"
                )
        for name in fed:
            if wire.Text not in engine.models[name].input.takes:
                raise ValueError(f"pipelines.{source}: {name} reads no text, so nothing can feed it")
            if source in _reached(feeds, name):
                raise ValueError(f"pipelines.{source}: {name} feeds {source} again; break the circle")


def _reached(feeds: Mapping[str, Sequence[str]], name: str) -> set[str]:
    """`name` and all that it feeds, directly or not."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        if (model := waiting.pop()) not in reached:
            reached.add(model)
            waiting += feeds.get(model, ())
    return reached
