"""The open streams of several models: how they come to be, who owns them, how they end."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import urandom

from msgspec.structs import replace

from streamer import wire
from streamer.errors import OptionError
from streamer.server.conditions import Base, Standing, StreamCondition
from streamer.server.contract import UNGUESSABLE
from streamer.server.inputs.intake import Times
from streamer.server.served_model import OpenedRow, ServedModel
from streamer.server.session import Session
from streamer.server.tombstones import Tombstone, Tombstones
from streamer.server.turn import report

# Of a stream and all that it feeds. The rest of a payload is for options, readers, and texts that wait.
MOST_STATE_BYTES = wire.MAX_PAYLOAD_BYTES * 3 // 4


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

    @property
    def times(self) -> Times:
        return Times(self.window_ms, self.max_skip_ms)


class Streams:
    """By name those that are open; for a while those that were."""

    def __init__(self, models: Mapping[str, ServedModel], settings: Settings):
        self.models, self.settings = models, settings
        self.sessions: dict[bytes, Session] = {}
        self.live = dict.fromkeys(models, 0)  # how many streams a model has
        self.state_bytes = {name: model.state_bytes for name, model in models.items()}  # with what it feeds
        self.closing = False  # whether no new ones are taken
        self._nonce = urandom(wire.NONCE_BYTES)
        self._requests: dict[tuple[bytes, str], Session] = {}
        self._tombstones = Tombstones()

    def asked_for(self, peer: bytes, request: str) -> Session | None:
        """The stream that an earlier `request` of `peer` opened."""
        return self._requests.get(_asker(peer, request))

    def ended(self, stream: bytes, now: float) -> Tombstone | None:
        """How a stream ended that is gone."""
        return self._tombstones.get(stream, now)

    def ended_with(self, stream: bytes) -> list[wire.Closed]:
        """How those ended that a stream fed."""
        return self._tombstones.fed_by(stream)

    def saves(self, model: str) -> bool:
        """Whether the condition of its streams fits into a message."""
        return self.state_bytes[model] <= MOST_STATE_BYTES

    def unwelcome(self, origin: wire.Open) -> wire.Refused | None:
        """Why there can't be such a stream more."""
        if self.closing:
            return wire.Refused("draining", "the server is stopping", "", origin.request)
        model = self.models.get(origin.model)
        if model is None:
            text = f"model {origin.model!r} is not served; there are {', '.join(self.models)}"
            return wire.Refused("unknown_model", text, "model", origin.request)
        if not model.free_rows:
            text = f"{model.name} has its {model.max_streams} streams; try again later"
            return wire.Refused("full", text, "model", origin.request, retry_after_ms=1000)
        return None

    def open(
        self, peer: bytes, origin: wire.Open, now: float, source: bytes = b""
    ) -> wire.Opened | wire.Refused:
        """A new stream, which the stream `source` feeds, if one is given."""
        if refused := self.unwelcome(origin):
            return refused
        name = origin.model
        try:
            row = self.models[name].open(origin.options, self.settings.times)
        except OptionError as error:
            return wire.refusal_of(error, origin.request)
        except Exception as error:
            report(name, 0, error)
            return wire.Refused("fault", f"{name} failed and opens no such stream", "", origin.request)
        opened = self._opened(origin, row, urandom(wire.ID_BYTES), urandom(wire.ID_BYTES), source)
        return self._begin(origin, opened, row, peer, now).opened

    def take_up(
        self, peer: bytes, saved: StreamCondition, epoch: int, now: float, source: bytes = b""
    ) -> Session:
        """A stream that goes on from its condition. WireError where that is another model's."""
        row = self.models[saved.origin.model].resume(saved, self.settings.times)
        return self._gone_on(saved, row, saved.at, saved.base, epoch, peer, now, source)

    def take_up_fresh(
        self, peer: bytes, saved: StreamCondition, epoch: int, now: float, source: bytes = b""
    ) -> Session:
        """A stream that begins anew where it last stood at the end of an utterance. OptionError as `open`."""
        row = self.models[saved.origin.model].open(saved.origin.options, self.settings.times)
        at = saved.ended
        return self._gone_on(saved, row, at, Base(at.position, at.utterances), epoch, peer, now, source)

    def forget(self, session: Session) -> None:
        """The stream is not here any more."""
        name = session.opened.model
        del self.sessions[session.opened.stream]
        self._requests.pop(_asker(*session.asker), None)
        self.live[name] -= 1
        self.models[name].close(session.network.row)

    def bury(self, session: Session, now: float) -> None:
        """The stream is over, and never goes on."""
        reason = session.end.reason if session.end and not session.fault else "fault"
        opened = session.opened
        self._tombstones.add(opened.owner, session.closed(reason), opened.source, now)
        self.forget(session)

    def _gone_on(
        self,
        saved: StreamCondition,
        row: OpenedRow,
        at: Standing,
        base: Base,
        epoch: int,
        peer: bytes,
        now: float,
        source: bytes,
    ) -> Session:
        opened = replace(
            self._opened(saved.origin, row, saved.stream, saved.owner, source, epoch),
            covered=at.covered,
            offset=at.offset,
            results=at.results,
            fresh=base != saved.base,
        )
        session = self._begin(saved.origin, opened, row, peer, now)
        session.stand(at, base)
        session.ended = saved.ended
        return session

    def _opened(
        self, origin: wire.Open, row: OpenedRow, stream: bytes, owner: bytes, source: bytes, epoch: int = 0
    ) -> wire.Opened:
        settings = self.settings
        return wire.Opened(
            request=origin.request,
            stream=stream,
            owner=owner,
            model=origin.model,
            endpoint=settings.endpoint,
            publish=settings.publish if origin.publish else "",
            topic=f"{origin.model}/{stream.hex()}" if origin.publish else "",
            options=row.options,
            window=row.intake.limits.window,
            lease_ms=settings.lease_ms,
            latency_ms=row.latency_ms,
            source=source,
            incarnation=wire.Incarnation(epoch, self._nonce),
            checkpoint_ms=origin.checkpoint_ms if self.saves(origin.model) else 0,
        )

    def _begin(
        self, origin: wire.Open, opened: wire.Opened, row: OpenedRow, peer: bytes, now: float
    ) -> Session:
        session = Session(origin, opened, peer, row.intake, now)
        self.sessions[opened.stream] = session
        self.live[origin.model] += 1
        if not opened.source:
            self._requests[_asker(peer, origin.request)] = session
        return session


def _asker(peer: bytes, request: str) -> tuple[bytes, str]:
    """Who may hear a stream's `Opened` again: whoever knows a request too long to be guessed, on any
    connection; else the same connection only."""
    return (b"" if len(request) >= UNGUESSABLE else peer), request
