"""`Resume`: a stream that lives here is reattached, another one is taken up from its checkpoint."""

from hmac import compare_digest
from typing import NamedTuple

from msgspec.structs import replace

from streamer import wire
from streamer.errors import OptionError, WireError
from streamer.server.conditions import FedCondition, StreamCondition, decode
from streamer.server.session import Session
from streamer.server.streams import Streams
from streamer.server.turn import report

MOST_DEATHS = 2  # of servers, at the same input of a stream
MOST_EPOCHS = 2**40  # more than any stream is ever resumed; an owner may claim what he likes


class Resumed(NamedTuple):
    """The answer to a `Resume`. `fed` are the streams that it fed, which go on with it."""

    answer: wire.Opened | wire.Closed | wire.Refused
    session: Session | None = None  # of a stream that was taken up now
    fed: tuple[FedCondition, ...] = ()


def resume(streams: Streams, peer: bytes, message: wire.Resume, condition: bytes, now: float) -> Resumed:
    """What becomes of `message`, whose payload, unsealed, is `condition`."""
    try:
        if session := streams.sessions.get(message.stream):
            return Resumed(_reattached(session, peer, message, now))
        if ended := streams.ended(message.stream, now):
            _check_owner(ended.owner, message)
            return Resumed(ended.closed)
        saved = _wanted(message, condition)
        if refused := streams.unwelcome(saved.origin):
            return Resumed(replace(refused, request=message.request, stream=message.stream))
        session = take_up(streams, peer, saved, _epoch(saved, message), now, fresh=message.fresh)
    except (WireError, OptionError) as error:
        refused = wire.refusal_of(error, message.request)
        return Resumed(replace(refused, request=message.request, stream=message.stream, fatal=True))
    session.resumed_by = message.request
    return Resumed(replace(session.opened, request=message.request), session, saved.fed)


def take_up(
    streams: Streams,
    peer: bytes,
    saved: StreamCondition,
    epoch: int,
    now: float,
    source: bytes = b"",
    fresh: bool = False,
) -> Session:
    """The stream goes on here. WireError and OptionError say why it can't."""
    model = streams.models[saved.origin.model]
    try:
        if saved.digest == model.digest:
            return streams.take_up(peer, saved, epoch, now, source)
        if fresh:
            return streams.take_up_fresh(peer, saved, epoch, now, source)
    except (WireError, OptionError):
        raise
    except Exception as error:
        report(model.name, 0, error)
        raise WireError("fault", f"{model.name} failed and takes up no such stream") from None
    text = f"{model.name} has other weights here, or another lexicon or dtype"
    raise WireError("other_weights", text, "model")


def _reattached(session: Session, peer: bytes, message: wire.Resume, now: float) -> wire.Opened:
    """A stream that lives goes on where it is, over the connection of `peer`."""
    opened = session.opened
    _check_owner(opened.owner, message)
    again = message.request == session.resumed_by
    if message.incarnation != opened.incarnation and not again:
        raise WireError("superseded", "another client has resumed this stream", "incarnation")
    session.peer = peer
    if session.accepted:
        session.heard_at = now
    return replace(
        opened,
        request=message.request,
        covered=session.accepted,
        offset=0,
        results=session.num_results,
        fresh=opened.fresh and again,
    )


def _wanted(message: wire.Resume, condition: bytes) -> StreamCondition:
    """The condition of the stream that `message` names."""
    saved = decode(condition)
    if not compare_digest(saved.stream + saved.owner, message.stream + message.owner):
        raise WireError("bad_checkpoint", "the checkpoint is another stream's", "stream")
    if message.deaths >= MOST_DEATHS:
        text = f"{message.deaths} servers ended at this input of the stream; no other one tries it"
        raise WireError("fault", text, "deaths")
    return saved


def _epoch(saved: StreamCondition, message: wire.Resume) -> int:
    """That of the stream's next life: above all that its owner has heard of."""
    epoch = max(saved.epoch, message.incarnation.epoch) + 1
    if epoch > MOST_EPOCHS:
        raise WireError("bad_header", f"epoch {epoch - 1}; at most {MOST_EPOCHS - 1} is taken", "incarnation")
    return epoch


def _check_owner(owner: bytes, message: wire.Resume) -> None:
    if not compare_digest(owner, message.owner):
        raise WireError("not_owner", "the owner token is another", "owner")
