"""Pipelines: what a stream says, final by final, feeds streams of models that read text."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from streamer import wire
from streamer.server.conditions import FedCondition, StreamCondition
from streamer.server.contract import Outgoing, WireEngine
from streamer.server.engine import Engine
from streamer.server.session import Session

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
        for source in feeds:
            engine.carry(source, _reached(feeds, source))

    @property
    def due(self) -> float:
        return self.engine.due

    def receive(self, peer: bytes, message: wire.Input, payload: bytes, now: float) -> list[Outgoing]:
        if isinstance(message, wire.Resume):
            return self._resume(peer, message, payload, now)
        return self._followed(self.engine.receive(peer, message, payload, now), now)

    def expected(self, peer: bytes, stream: bytes) -> int:
        return self.engine.expected(peer, stream)

    def tick(self, now: float) -> list[Outgoing]:
        """One step of the engine, and what follows from it."""
        outgoing = self.engine.step(now)
        self.expired = self.engine.expired
        full, self._full = self._full, {}
        for peer, fed in full.values():
            outgoing += self._send(peer, fed, now)
        return [*self._followed(outgoing, now), *self._keep(now)]

    def drain(self, now: float) -> list[Outgoing]:
        """Refuse new streams and end all; those that are fed after their sources."""
        self.engine.begin_drain(now)
        return self.tick(now)

    def _keep(self, now: float) -> list[Outgoing]:
        """The checkpoints that are due, and the farewells of those that leave with all that they feed."""
        outgoing = self.engine.keep(now, self._conditions)
        for out in list(outgoing):
            if isinstance(out.message, wire.Moved):
                outgoing += self._forget_fed(out.peer, out.message.stream)
        return outgoing

    def _forget_fed(self, peer: bytes, source: bytes) -> Iterator[Outgoing]:
        """What `source` feeds is gone with it, and in its condition: their `Moved` have none."""
        for fed in self._by_source.pop(source, ()):
            stream = fed.opened.stream
            yield from self._forget_fed(peer, stream)
            session = self.engine.sessions[stream]
            self._fed.discard(stream)
            self._full.pop(stream, None)
            self.engine.forget(session)
            yield Outgoing(peer, wire.Moved(stream, fed.opened.incarnation, session.accepted))

    def _conditions(self, sessions: Sequence[Session]) -> list[StreamCondition]:
        """The conditions of `sessions`, with those of the streams that they feed."""
        members = [member for session in sessions for member in self._family(session)]
        alone = {saved.stream: saved for saved in self.engine.conditions(members)}

        def whole(stream: bytes) -> StreamCondition:
            fed = tuple(
                FedCondition(
                    whole(fed.opened.stream),
                    tuple(self.engine.sessions[fed.opened.stream].unread()),
                    tuple(fed.waiting),
                )
                for fed in self._by_source.get(stream, ())
            )
            return msgspec.structs.replace(alone[stream], fed=fed) if fed else alone[stream]

        return [whole(session.opened.stream) for session in sessions]

    def _family(self, session: Session) -> Iterator[Session]:
        """A stream and all that it feeds, directly or not."""
        yield session
        for fed in self._by_source.get(session.opened.stream, ()):
            yield from self._family(self.engine.sessions[fed.opened.stream])

    def _resume(self, peer: bytes, message: wire.Resume, condition: bytes, now: float) -> list[Outgoing]:
        resumed = self.engine.resume(peer, message, condition, now)
        answer = resumed.answer
        outgoing, goes_on = [Outgoing(peer, answer)], []
        if resumed.session and isinstance(answer, wire.Opened):
            goes_on = self._take_up(peer, answer, resumed.fed, now, outgoing)
        elif isinstance(answer, wire.Opened | wire.Closed):
            self._follow(peer, answer.stream)
        if isinstance(answer, wire.Closed):
            # They are told again, and nothing follows from it.
            return [*outgoing, *(Outgoing(peer, closed) for closed in self.engine.ended_with(answer.stream))]
        followed = self._followed(outgoing, now)
        # Now that all have opened, what they had not read: one may end by it.
        for fed, saved in goes_on:
            followed += self._followed(self._read_on(peer, fed, saved, now), now)
        return followed

    def _follow(self, peer: bytes, source: bytes) -> None:
        """What a stream feeds that was reattached answers where it does."""
        for session in list(self.engine.sessions.values()):
            if session.opened.source == source:
                session.peer = peer
                self._follow(peer, session.opened.stream)

    def _take_up(
        self,
        peer: bytes,
        source: wire.Opened,
        saved: Iterable[FedCondition],
        now: float,
        refused: list[Outgoing],
    ) -> list[tuple[Fed, FedCondition]]:
        """Those of the streams that `source` feeds, directly or not, that go on; `refused` takes the rest."""
        goes_on: list[tuple[Fed, FedCondition]] = []
        siblings = self._by_source[source.stream] = []
        for condition in saved:
            answer = self.engine.take_up(peer, source, condition.stream, now)
            if isinstance(answer, wire.Refused):
                refused.append(Outgoing(peer, answer))
                continue
            fed = Fed(answer, answer.covered, self.engine.sessions[answer.stream].position)
            siblings.append(fed)
            self._fed.add(answer.stream)
            goes_on += self._take_up(peer, answer, condition.stream.fed, now, refused)
            goes_on.append((fed, condition))
        return goes_on

    def _read_on(self, peer: bytes, fed: Fed, saved: FedCondition, now: float) -> list[Outgoing]:
        """Give a stream that goes on what it had not read; what it says to that."""
        outgoing: list[Outgoing] = []
        fed.waiting.extend(saved.waiting)
        for text in saved.unread:
            outgoing += self._give(peer, fed, text, now)
            if fed.opened.stream not in self.engine.sessions:  # its model failed
                return outgoing
        return outgoing + self._send(peer, fed, now)

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
            msgspec.structs.replace(
                fed.opened, owner=NOBODY, results=self.engine.sessions[fed.opened.stream].num_results
            )
            for fed in self._by_source.get(source.stream, ())
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
        outgoing: list[Outgoing] = []
        while fed.waiting:
            before = fed.seq
            answers = self._give(peer, fed, fed.waiting[0], now)
            codes = {out.message.code for out in answers if isinstance(out.message, wire.Refused)}
            if codes == {"overrun"}:
                self._full[fed.opened.stream] = peer, fed
                return outgoing
            outgoing += answers
            if fed.seq == before:
                return outgoing
            fed.waiting.popleft()
            outgoing += self._give(peer, fed, None, now)
        if fed.ending:
            close = wire.Close(fed.opened.stream, fed.opened.owner, fed.seq + 1)
            outgoing += self.engine.receive(peer, close, b"", now)
        return outgoing

    def _give(self, peer: bytes, fed: Fed, text: bytes | None, now: float) -> list[Outgoing]:
        """The next input of a stream that is fed: a text, or None for a Flush. One that is taken counts."""
        stream, owner, seq = fed.opened.stream, fed.opened.owner, fed.seq + 1
        if text is None:
            answers = self.engine.receive(peer, wire.Flush(stream, owner, seq), b"", now)
        else:
            answers = self.engine.receive(peer, wire.Text(stream, owner, seq, fed.position), text, now)
        if not any(isinstance(out.message, wire.Refused) for out in answers):
            fed.seq, fed.position = fed.seq + 1, fed.position + len(text or b"")
        return answers


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
