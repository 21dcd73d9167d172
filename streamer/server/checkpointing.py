"""When streams are saved, and the messages that carry their conditions to their owners."""

from collections.abc import Callable, Mapping, Sequence

from streamer import wire
from streamer.server.conditions import StageCondition, StreamCondition, encode
from streamer.server.contract import Outgoing
from streamer.server.served_model import ServedModel
from streamer.server.session import Session
from streamer.server.stage_rows import save_stages

Save = Callable[[Sequence[Session]], Sequence[StreamCondition]]


class Checkpoints:
    """The streams whose owners asked for checkpoints, as far as they have gone on since the last one."""

    def __init__(self) -> None:
        self._unsaved: dict[bytes, Session] = {}

    def note(self, session: Session) -> None:
        """The stream goes on."""
        if session.opened.checkpoint_ms and not session.end:
            self._unsaved[session.opened.stream] = session

    def forget(self, session: Session) -> None:
        """The stream is not here any more, or is at its end."""
        self._unsaved.pop(session.opened.stream, None)

    def due(self, now: float) -> list[Session]:
        """Those whose checkpoint is due: so often as was asked, and at once after an utterance's end."""
        return [
            session
            for session in self._unsaved.values()
            if session.spoke or now >= session.saved_at + session.opened.checkpoint_ms / 1000
        ]

    def made(
        self, sessions: Sequence[Session], saved: Sequence[StreamCondition], now: float
    ) -> list[Outgoing]:
        """The messages that give `sessions` what was `saved` of them."""
        for session, condition in zip(sessions, saved):
            session.saved_at, session.spoke = now, False
            if session.at_end:
                session.ended = condition.at
            if condition.at.covered == session.accepted:
                self.forget(session)
        return [_checkpoint(session, condition) for session, condition in zip(sessions, saved)]


def moved(session: Session, condition: StreamCondition, reason: str) -> Outgoing:
    """The last message to the owner of a stream that goes on elsewhere."""
    at, opened = condition.at, session.opened
    message = wire.Moved(
        opened.stream, opened.incarnation, at.covered, at.offset, at.results, session.at_end, reason
    )
    return Outgoing(session.peer, message, encode(condition))


def _checkpoint(session: Session, condition: StreamCondition) -> Outgoing:
    at, opened = condition.at, session.opened
    message = wire.Checkpoint(
        opened.stream, opened.incarnation, at.covered, at.offset, at.results, session.at_end
    )
    return Outgoing(session.peer, message, encode(condition))


def conditions(models: Mapping[str, ServedModel], sessions: Sequence[Session]) -> list[StreamCondition]:
    """The condition of each of `sessions`, none of which has ended, without the streams that it feeds.

    Law: a stream that goes on from its condition says what it would have said.
    """
    networks = save_stages([(models[s.opened.model].network, s.network) for s in sessions])
    fronts = iter(save_stages([session.front for session in sessions if session.front]))
    return [
        _condition(models[session.opened.model], session, next(fronts) if session.front else None, network)
        for session, network in zip(sessions, networks)
    ]


def _condition(
    model: ServedModel, session: Session, front: StageCondition | None, network: StageCondition
) -> StreamCondition:
    at = session.standing
    return StreamCondition(
        digest=model.digest,
        stream=session.opened.stream,
        owner=session.opened.owner,
        origin=session.origin,
        epoch=session.opened.incarnation.epoch,
        at=at,
        ended=at if session.at_end else session.ended,
        base=session.base,
        front=front,
        network=network,
        reader=model.reader.save(session.network.row),
        intake=session.intake.save(),
    )
