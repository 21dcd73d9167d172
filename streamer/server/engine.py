"""The engine: messages in, messages out, one step for many streams; no socket and no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from math import inf
from os import urandom

import msgspec

from streamer import wire
from streamer.errors import OptionError
from streamer.server.contract import Outgoing, WireEngine
from streamer.server.inputs.intake import Times
from streamer.server.scheduler import due_at
from streamer.server.served_model import ServedModel
from streamer.server.session import Session
from streamer.server.turn import end_faulted, report, take_turn

UNGUESSABLE = 16  # characters of a request


@dataclass(frozen=True)
class Settings:
    """What all streams of an engine share. `endpoint` and `publish` are the addresses that `Opened` names."""

    lease_ms: int = 30_000
    first_input_ms: int = 10_000  # the lease of a stream that has had no input
    window_ms: int = 10_000
    max_skip_ms: int = 60_000
    max_wait_ms: float = 0.0  # that a step may wait for more streams
    max_batch: int = 128
    endpoint: str = ""
    publish: str = ""


class Engine(WireEngine):
    """Streams of several models. The caller brings the time (seconds, never falling).

    A model that fails ends the streams that it failed for with `fault`; an exception in the engine
    itself goes up to the caller.
    Law: the results of a stream are a function of its Open and its ordered inputs alone.
    """

    def __init__(self, models: Mapping[str, ServedModel], settings: Settings):
        self.models, self.settings = models, settings
        self.sessions: dict[bytes, Session] = {}
        self._requests: dict[tuple[bytes, str], tuple[wire.Open, Session]] = {}
        self._working: dict[str, dict[bytes, Session]] = {name: {} for name in models}
        self._live = dict.fromkeys(models, 0)
        self._draining = False
        self._now = 0.0
        self._due = inf
        self._next_expiry = inf  # no lease runs out before

    @property
    def busy(self) -> bool:
        """Whether a tick now would find work to do."""
        return self._due <= self._now

    @property
    def due(self) -> float:
        """When the next tick has work to do: a step that waits for company. inf when none does."""
        return self._due

    def receive(self, peer: bytes, message: wire.Input, payload: bytes, now: float) -> list[Outgoing]:
        """Take a message of `peer`; return the answers to send at once."""
        self._now = now
        if isinstance(message, wire.Describe):
            models = tuple(model.description() for model in self.models.values())
            return [Outgoing(peer, wire.Description(message.request, models=models))]
        if isinstance(message, wire.Open):
            return [Outgoing(peer, self._open(peer, message, now))]
        session = self.sessions.get(message.stream)
        if session is None:
            text = "there is no such stream; it never was or it has ended"
            return [Outgoing(peer, _stranger("unknown_stream", text, message))]
        if not compare_digest(session.opened.owner, message.owner):
            return [Outgoing(peer, _stranger("not_owner", "the owner token is another", message))]
        session.peer = peer
        answer = session.receive(message, payload, now)
        if session.fault:
            self._forget(session)
            return end_faulted([session])
        if not isinstance(answer, wire.Refused):
            self._wake(session, now)
        return [Outgoing(peer, answer)] if answer else []

    def expected(self, peer: bytes, stream: bytes) -> int:
        session = self.sessions.get(stream)
        return session.accepted + 1 if session and session.peer == peer else 0

    def tick(self, now: float) -> list[Outgoing]:
        """End streams whose lease ran out, step what is due, and return the messages to send."""
        self._now = now
        outgoing: list[Outgoing] = []
        self.expired = self._expire(now) if now >= self._next_expiry else ()
        if self._due > now:
            return outgoing
        self._due = inf
        for name in self.models:
            if self._working[name]:
                outgoing += self._take_turn(name, now)
        return outgoing

    def drain(self, now: float) -> list[Outgoing]:
        """Refuse new streams from now on; close the open ones as their owners would, except fed ones."""
        self._draining = True
        for session in self.sessions.values():
            if not session.opened.source:
                session.finish("draining")
                self._wake(session, now)
        return self.tick(now)

    def derive(self, peer: bytes, source: wire.Opened, name: str, now: float) -> wire.Opened | wire.Refused:
        """Open a stream of model `name`, which the caller feeds with the finals of `source` and closes."""
        self._now = now
        message = wire.Open(f"{source.request}/{name}", name, publish=bool(source.topic))
        if refusal := self._unwelcome(message):
            return refusal
        # Its words come all at once.
        quiet = {"partials": False} if "partials" in self.models[name].reader.option_names else {}
        message = msgspec.structs.replace(message, options=quiet)
        return self._begin(peer, message, now, source.stream)

    def _open(self, peer: bytes, message: wire.Open, now: float) -> wire.Opened | wire.Refused:
        if (known := self._requests.get(_asker(peer, message.request))) is not None:
            before, session = known
            if before != message:
                text = "this request has opened another stream; choose a new one"
                return wire.Refused("bad_header", text, "request", message.request)
            session.peer = peer
            if session.accepted:  # one that asks for a stream and never speaks doesn't keep it
                session.heard_at = now
            return session.opened
        if refusal := self._unwelcome(message):
            return refusal
        answer = self._begin(peer, message, now)
        if isinstance(answer, wire.Opened):
            self._requests[_asker(peer, message.request)] = message, self.sessions[answer.stream]
        return answer

    def _unwelcome(self, message: wire.Open) -> wire.Refused | None:
        if self._draining:
            return wire.Refused("draining", "the server is stopping", "", message.request)
        model = self.models.get(message.model)
        if model is None:
            text = f"model {message.model!r} is not served; there are {', '.join(self.models)}"
            return wire.Refused("unknown_model", text, "model", message.request)
        if not model.free_rows:
            text = f"{model.name} has its {model.max_streams} streams; try again later"
            return wire.Refused("full", text, "model", message.request, retry_after_ms=1000)
        return None

    def _begin(
        self, peer: bytes, message: wire.Open, now: float, source: bytes = b""
    ) -> wire.Opened | wire.Refused:
        """A stream of a model that has a free row."""
        settings, name = self.settings, message.model
        try:
            row = self.models[name].open(message.options, Times(settings.window_ms, settings.max_skip_ms))
        except OptionError as error:
            return wire.refusal_of(error, message.request)
        except Exception as error:
            report(name, 0, error)
            return wire.Refused("fault", f"{name} failed and opens no such stream", "", message.request)
        stream = urandom(wire.ID_BYTES)
        opened = wire.Opened(
            request=message.request,
            stream=stream,
            owner=urandom(wire.ID_BYTES),
            model=name,
            endpoint=settings.endpoint,
            publish=settings.publish if message.publish else "",
            topic=f"{name}/{stream.hex()}" if message.publish else "",
            options=row.options,
            window=row.intake.limits.window,
            lease_ms=settings.lease_ms,
            latency_ms=row.latency_ms,
            source=source,
        )
        self.sessions[stream] = Session(opened, _asker(peer, message.request), peer, row.intake, now)
        self._live[name] += 1
        self._next_expiry = min(self._next_expiry, self._expiry(self.sessions[stream]))
        return opened

    def _expiry(self, session: Session) -> float:
        """When its lease runs out."""
        settings = self.settings
        first = min(settings.first_input_ms, settings.lease_ms)
        return session.heard_at + (settings.lease_ms if session.accepted else first) / 1000

    def _wake(self, session: Session, now: float) -> None:
        """`session` has something to work on."""
        name = session.opened.model
        working = self._working[name]
        if session.opened.stream not in working:
            working[session.opened.stream] = session
            session.since = now
        self._due = min(self._due, due_at(session.since, len(working), self._live[name], self._wait(name)))

    def _take_turn(self, name: str, now: float) -> list[Outgoing]:
        """One step for every stream of a model that waits."""
        working = self._working[name]
        sessions = list(working.values())
        outgoing = take_turn(self.models[name], sessions, self.settings.max_batch)
        for session in sessions:
            if session.over:
                self._forget(session)
            elif not session.working:
                del working[session.opened.stream]
            else:
                session.since = now
        if working:
            ending = any(session.end for session in working.values())
            wait = self._wait(name) if self.models[name].input.spare_blocks and not ending else 0.0
            self._due = min(self._due, due_at(now, len(working), self._live[name], wait))
        return outgoing

    def _wait(self, name: str) -> float:
        """Seconds that a step of a model may wait for more streams."""
        patience = 0.0 if self._draining else self.models[name].input.patience
        return patience * self.settings.max_wait_ms / 1000

    def _expire(self, now: float) -> list[bytes]:
        """End streams that were silent for too long, as their owners would; what they sent is still read."""
        leased = [s for s in self.sessions.values() if not s.end and not s.opened.source]
        expired = [session for session in leased if now >= self._expiry(session)]
        for session in expired:
            session.finish("lease")
            self._wake(session, now)
        leases = (self._expiry(session) for session in leased if not session.end)
        self._next_expiry = min(leases, default=inf)
        return [session.opened.stream for session in expired]

    def _forget(self, session: Session) -> None:
        stream, name = session.opened.stream, session.opened.model
        del self.sessions[stream]
        self._requests.pop(session.asker, None)
        self._working[name].pop(stream, None)
        self._live[name] -= 1
        self.models[name].close(session.network.row)


def _asker(peer: bytes, request: str) -> tuple[bytes, str]:
    """Who may hear a stream's `Opened` again: whoever knows a request too long to be guessed, on any
    connection; else the same connection only."""
    return (b"" if len(request) >= UNGUESSABLE else peer), request


def _stranger(code: str, text: str, message: wire.StreamInput) -> wire.Refused:
    return wire.Refused(code, text, "stream", stream=message.stream, fatal=True)
