"""Pipelines: what a stream says, final by final, feeds streams of models that read text."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from streamer import wire
from streamer.server.advance import Outgoing
from streamer.server.engine import Engine

NOBODY = bytes(wire.ID_BYTES)  # the owner that is told of a fed stream: only the server may send to it


@dataclass
class Child:
    """A stream that is fed; its owner's token stays here."""

    opened: wire.Opened
    seq: int = 0
    position: int = 0
    waiting: deque[bytes] = field(default_factory=deque)  # finals that found no room
    ending: bool = False  # its source has closed


class Pipelines:
    """An engine whose streams feed each other: `feeds` names by model the models that its finals go to.

    A fed stream is opened after its source and closed after it, and has no lease of its own. The
    k-th final with words is its input 2k - 1, a `Text`, and 2k, a `Flush`. Its results go where its
    source's go.
    """

    def __init__(self, engine: Engine, feeds: Mapping[str, Sequence[str]]):
        """ValueError for models that aren't served, read no text, or feed themselves in the end."""
        self.engine, self.feeds = engine, feeds
        self._children: dict[bytes, list[Child]] = {}  # by source
        self._fed: set[bytes] = set()
        self._full: dict[bytes, tuple[bytes, Child]] = {}  # those with finals that wait, and their peers
        _check(engine, feeds)

    @property
    def due(self) -> float:
        """When the next tick has work to do; inf when nothing waits."""
        return self.engine.due

    def receive(self, peer: bytes, message: wire.Input, payload: bytes, now: float) -> list[Outgoing]:
        """Take a message of `peer`; what is to be answered at once."""
        return self._followed(self.engine.receive(peer, message, payload, now), now)

    def tick(self, now: float) -> list[Outgoing]:
        """One step of the engine, and what follows from it."""
        told = self.engine.tick(now)
        for stream, (peer, child) in list(self._full.items()):
            del self._full[stream]
            self._send(peer, child, now)
        return self._followed(told, now)

    def drain(self, now: float) -> list[Outgoing]:
        """Refuse new streams and close all; those that are fed after their sources."""
        return self._followed(self.engine.drain(now), now)

    def _followed(self, told: Iterable[Outgoing], now: float) -> list[Outgoing]:
        """What is told, and what the streams that it feeds have to tell at once."""
        waiting, all_told = deque(told), []
        while waiting:
            one = waiting.popleft()
            if isinstance(one.message, wire.Ack) and one.message.stream in self._fed:
                continue  # it is for us
            all_told.append(one)
            match one.message:
                case wire.Opened():
                    waiting.extend(self._open(one.peer, one.message, now))
                case wire.Result(kind="final", alternatives=(best, *_)) if best.text.strip():
                    self._feed(one.peer, one.message.stream, best.text, now)
                case wire.Closed():
                    self._close(one.peer, one.message.stream, now)
        return all_told

    def _open(self, peer: bytes, source: wire.Opened, now: float) -> list[Outgoing]:
        """The streams that `source` feeds, opened or, where it was told again, told again."""
        if source.stream not in self._children:
            names = self.feeds.get(source.model, ())
            answers = [self.engine.derive(peer, source, name, now) for name in names]
            fed = [Child(answer) for answer in answers if isinstance(answer, wire.Opened)]
            self._fed |= {child.opened.stream for child in fed}
            if names:
                self._children[source.stream] = fed
            refused = [answer for answer in answers if isinstance(answer, wire.Refused)]
        else:
            fed, refused = self._children[source.stream], []
        told = [msgspec.structs.replace(child.opened, owner=NOBODY) for child in fed]
        return [Outgoing(peer, message) for message in (*told, *refused)]

    def _feed(self, peer: bytes, source: bytes, text: str, now: float) -> None:
        for child in self._children.get(source, ()):
            child.waiting.append(f"{text} ".encode())
            self._send(peer, child, now)

    def _close(self, peer: bytes, source: bytes, now: float) -> None:
        self._fed.discard(source)
        for child in self._children.pop(source, ()):
            child.ending = True
            self._send(peer, child, now)

    def _send(self, peer: bytes, child: Child, now: float) -> None:
        """Give the child what waits for it, as far as it has room."""
        ids = {"stream": child.opened.stream, "owner": child.opened.owner}
        while child.waiting:
            payload = child.waiting[0]
            text = wire.Text(**ids, seq=child.seq + 1, start=child.position)
            told = self.engine.receive(peer, text, payload, now)
            if any(isinstance(one.message, wire.Refused) for one in told):
                self._full[child.opened.stream] = peer, child
                return
            child.waiting.popleft()
            child.seq, child.position = child.seq + 2, child.position + len(payload)
            self.engine.receive(peer, wire.Flush(**ids, seq=child.seq), b"", now)
        if child.ending:
            self.engine.receive(peer, wire.Close(**ids, seq=child.seq + 1), b"", now)


def _check(engine: Engine, feeds: Mapping[str, Sequence[str]]) -> None:
    for source, fed in feeds.items():
        for name in (source, *fed):
            if name not in engine.models:
                raise ValueError(
                    f"pipelines.{source}: {name} is not served; there are {', '.join(engine.models)}"
                )
        for name in fed:
            if engine.models[name].input.kind != "text":
                raise ValueError(f"pipelines.{source}: {name} reads no text, so nothing can feed it")
            if source in _reached(feeds, name):
                raise ValueError(f"pipelines.{source}: {name} feeds {source} again; break the circle")


def _reached(feeds: Mapping[str, Sequence[str]], name: str) -> set[str]:
    """`name` and all that it feeds, directly or not."""
    found, waiting = set(), [name]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += feeds.get(one, ())
    return found
