"""The engine: messages in, messages out, one step for many streams; no socket and no clock."""

from collections.abc import Iterable, Mapping, Sequence
from hmac import compare_digest
from math import inf

from streamer import wire
from streamer.errors import OptionError, WireError
from streamer.server.checkpointing import Checkpoints, Save, conditions, moved
from streamer.server.conditions import StreamCondition
from streamer.server.contract import Outgoing, WireEngine
from streamer.server.resuming import Resumed, resume, take_up
from streamer.server.scheduler import due_at
from streamer.server.served_model import ServedModel
from streamer.server.session import Session
from streamer.server.streams import Settings, Streams
from streamer.server.turn import end_faulted, take_turn


class Engine(WireEngine):
    """Streams of several models. The caller brings the time (seconds, never falling).

    A model that fails ends the streams that it failed for with `fault`; an exception in the engine
    itself goes up to the caller.
    Law: the results of a stream are a function of its Open and its ordered inputs alone.
    """

    def __init__(self, models: Mapping[str, ServedModel], settings: Settings):
        self.models, self.settings = models, settings
        self._streams = Streams(models, settings)
        self._checkpoints = Checkpoints()
        self._leaving: dict[bytes, str] = {}  # that may go on elsewhere, but not here, and why
        self._working: dict[str, dict[bytes, Session]] = {name: {} for name in models}
        self._now = 0.0
        self._due = inf
        self._next_expiry = inf  # no lease runs out before

    @property
    def sessions(self) -> Mapping[bytes, Session]:
        """The streams that are open."""
        return self._streams.sessions

    @property
    def state_bytes(self) -> Mapping[str, int]:
        """Of a stream and all that it feeds, at most, by model."""
        return self._streams.state_bytes

    @property
    def unsaved(self) -> list[str]:
        """The models whose streams are too large for checkpoints."""
        return [name for name in self.models if not self._streams.saves(name)]

    def carry(self, source: str, names: Iterable[str]) -> None:
        """The condition of a stream of model `source` holds one of each of `names`."""
        self._streams.state_bytes[source] = sum(self.models[name].state_bytes for name in names)

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
        match message:
            case wire.Describe():
                models = tuple(model.description() for model in self.models.values())
                return [Outgoing(peer, wire.Description(message.request, models=models))]
            case wire.Open():
                return [Outgoing(peer, self._open(peer, message, now))]
            case wire.Resume():
                return [Outgoing(peer, self.resume(peer, message, payload, now).answer)]
            case wire.Replay():  # what was said is kept beside the sockets
                return [Outgoing(peer, wire.Replayed(message.stream, request=message.request))]
        session = self.sessions.get(message.stream)
        if session is None:
            return [Outgoing(peer, self._of_no_stream(message, now))]
        if not compare_digest(session.opened.owner, message.owner):
            return [Outgoing(peer, _stranger("not_owner", "the owner token is another", message))]
        session.peer = peer
        answer = session.receive(message, payload, now)
        if session.fault:
            self._bury(session, now)
            return end_faulted([session])
        if not isinstance(answer, wire.Refused):
            self._wake(session, now)
        return [Outgoing(peer, answer)] if answer else []

    def resume(self, peer: bytes, message: wire.Resume, condition: bytes, now: float) -> Resumed:
        """Take a stream up; those that it fed are the caller's to take up."""
        self._now = now
        resumed = resume(self._streams, peer, message, condition, now)
        if resumed.session:
            self._lease(resumed.session)
        return resumed

    def take_up(
        self, peer: bytes, source: wire.Opened, saved: StreamCondition, now: float
    ) -> wire.Opened | wire.Refused:
        """Take up a stream that the caller feeds with the finals of `source`, which was taken up before."""
        epoch = source.incarnation.epoch
        if refused := self._streams.unwelcome(saved.origin):
            return refused
        try:
            return take_up(self._streams, peer, saved, epoch, now, source.stream, fresh=source.fresh).opened
        except (WireError, OptionError) as error:
            return wire.refusal_of(error, saved.origin.request)

    def ended_with(self, stream: bytes) -> list[wire.Closed]:
        """How those ended that a stream fed which is over."""
        return self._streams.ended_with(stream)

    def expected(self, peer: bytes, stream: bytes) -> int:
        session = self.sessions.get(stream)
        return session.accepted + 1 if session and session.peer == peer else 0

    def tick(self, now: float) -> list[Outgoing]:
        """A turn: end streams whose lease ran out, step what is due, save what is; the messages to send."""
        return [*self.step(now), *self.keep(now, self.conditions)]

    def step(self, now: float) -> list[Outgoing]:
        """A turn without its checkpoints."""
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

    def keep(self, now: float, save: Save) -> list[Outgoing]:
        """What a turn leaves to be kept: `Moved` of the streams that leave, and the checkpoints that are due.

        `save` gives the conditions. Those that leave are forgotten.
        """
        reasons, self._leaving = self._leaving, {}
        leaving = [self.sessions[stream] for stream in reasons]
        outgoing = [moved(*left) for left in zip(leaving, save(leaving), reasons.values())] if leaving else []
        for session in leaving:
            self.forget(session)
        if due := self._checkpoints.due(now):
            outgoing += self._checkpoints.made(due, save(due), now)
        return outgoing

    def conditions(self, sessions: Sequence[Session]) -> list[StreamCondition]:
        """The condition of each of `sessions`."""
        return conditions(self.models, sessions)

    def drain(self, now: float) -> list[Outgoing]:
        """Refuse new streams from now on and end the open ones, except fed ones."""
        self.begin_drain(now)
        return self.tick(now)

    def begin_drain(self, now: float) -> None:
        """As `drain`; the next turn says what comes of it."""
        self._streams.closing = True
        for session in self.sessions.values():
            if not session.end and not session.opened.source:
                self._end(session, "draining", now)

    def derive(self, peer: bytes, source: wire.Opened, name: str, now: float) -> wire.Opened | wire.Refused:
        """Open a stream of model `name`, which the caller feeds with the finals of `source` and closes."""
        self._now = now
        # Its words come all at once.
        known = name in self.models and "partials" in self.models[name].reader.option_names
        options = {"partials": False} if known else {}
        origin = wire.Open(
            f"{source.request}/{name}"[:200], name, options=options, publish=bool(source.topic)
        )
        return self._streams.open(peer, origin, now, source.stream)

    def forget(self, session: Session) -> None:
        """The stream is not here any more."""
        self._leave(session)
        self._streams.forget(session)

    def _open(self, peer: bytes, message: wire.Open, now: float) -> wire.Opened | wire.Refused:
        if session := self._streams.asked_for(peer, message.request):
            if session.origin != message:
                text = "this request has opened another stream; choose a new one"
                return wire.Refused("bad_header", text, "request", message.request)
            session.peer = peer
            if session.accepted:  # one that asks for a stream and never speaks doesn't keep it
                session.heard_at = now
            return session.opened
        opened = self._streams.open(peer, message, now)
        if isinstance(opened, wire.Opened):
            self._lease(self.sessions[opened.stream])
            self._checkpoints.note(self.sessions[opened.stream])  # its name outlives the server, too
        return opened

    def _of_no_stream(self, message: wire.StreamInput, now: float) -> wire.Output:
        """The answer to an input for a stream that isn't open: to its `Close`, its `Closed` again."""
        ended = self._streams.ended(message.stream, now)
        if isinstance(message, wire.Close) and ended and compare_digest(ended.owner, message.owner):
            return ended.closed
        return _stranger("unknown_stream", "there is no such stream; it never was or it has ended", message)

    def _lease(self, session: Session) -> None:
        """A lease begins."""
        self._next_expiry = min(self._next_expiry, self._expiry(session))

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
        self._checkpoints.note(session)
        live = self._streams.live[name]
        self._due = min(self._due, due_at(session.since, len(working), live, self._wait(name)))

    def _take_turn(self, name: str, now: float) -> list[Outgoing]:
        """One step for every stream of a model that waits."""
        working = self._working[name]
        sessions = list(working.values())
        outgoing = take_turn(self.models[name], sessions, self.settings.max_batch)
        for session in sessions:
            if session.over:
                self._bury(session, now)
            elif not session.working:
                del working[session.opened.stream]
            else:
                session.since = now
            if session.end:
                self._checkpoints.forget(session)
            elif session.spoke:
                self._checkpoints.note(session)
        if working:
            ending = any(session.end for session in working.values())
            wait = self._wait(name) if self.models[name].input.spare_blocks and not ending else 0.0
            self._due = min(self._due, due_at(now, len(working), self._streams.live[name], wait))
        return outgoing

    def _wait(self, name: str) -> float:
        """Seconds that a step of a model may wait for more streams."""
        patience = 0.0 if self._streams.closing else self.models[name].input.patience
        return patience * self.settings.max_wait_ms / 1000

    def _expire(self, now: float) -> list[bytes]:
        """End streams that were silent for too long, as their owners would; what they sent is still read."""
        leased = [s for s in self.sessions.values() if not s.end and not s.opened.source]
        expired = [session for session in leased if now >= self._expiry(session)]
        for session in expired:
            self._end(session, "lease", now)
        gone = {session.opened.stream for session in expired}
        leases = (self._expiry(session) for session in leased if session.opened.stream not in gone)
        self._next_expiry = min(leases, default=inf)
        return [session.opened.stream for session in expired]

    def _end(self, session: Session, reason: str, now: float) -> None:
        """End a stream; one that is given checkpoints leaves instead, and goes on when its owner is back."""
        if session.opened.checkpoint_ms:
            self._leaving[session.opened.stream] = reason
        else:
            session.finish(reason)
            self._wake(session, now)

    def _bury(self, session: Session, now: float) -> None:
        """The stream is over."""
        self._leave(session)
        self._streams.bury(session, now)

    def _leave(self, session: Session) -> None:
        self._leaving.pop(session.opened.stream, None)
        self._working[session.opened.model].pop(session.opened.stream, None)
        self._checkpoints.forget(session)


def _stranger(code: str, text: str, message: wire.StreamInput) -> wire.Refused:
    return wire.Refused(code, text, "stream", stream=message.stream, fatal=True)
