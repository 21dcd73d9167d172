"""One turn of a model's streams: feed, step the fronts, step the network, read, tell."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from streamer import wire
from streamer.models.readers import Event
from streamer.runtime.cpu import Runner
from streamer.runtime.lane import Geometry, Lane
from streamer.server.scheduler import Ready, schedule
from streamer.server.served_model import ServedModel
from streamer.server.session import Session


class Outgoing(NamedTuple):
    """A message and the peer that it goes to."""

    peer: bytes
    message: wire.Output


def advance(model: ServedModel, sessions: Sequence[Session], max_batch: int) -> list[Outgoing]:
    """Take every session one step on, and tell what came of it; `Closed` comes last of a stream."""
    for session in sessions:
        if marks := session.feed():
            model.reader.marks(session.network.row, marks)
    _step_fronts(model, sessions, max_batch)
    told: list[Outgoing] = []
    for session, events in _step_network(model, sessions, max_batch):
        told += _outgoing(session, session.told(events))
    for session in sessions:
        if mark := session.flushing:
            told += _outgoing(session, session.told(_flush(model, session), mark))
            session.flushed()
        if session.network.drained:
            told += _end(model, session)
        elif ack := session.due_ack():
            told += _outgoing(session, [ack])
    return told


def _step_fronts(model: ServedModel, sessions: Sequence[Session], max_batch: int) -> None:
    """Features of what waits, into the network's lanes. A front that is drained closes them."""
    by_rate: dict[int, list[Session]] = {}
    for session in sessions:
        if session.front:
            by_rate.setdefault(session.intake.rate_hz, []).append(session)
    for rate_hz, group in by_rate.items():
        lanes, since = [s.front for s in group], [s.since for s in group]
        front = model.input.front(rate_hz)
        for keys, features in _steps(front.geometry, front.step, lanes, since, 0, max_batch):
            for key, own in zip(keys, features):
                # A copy, lest a few steps that wait keep the whole batch in memory.
                kept = own[lanes[key].true_outputs(len(own))].copy()
                group[key].network.push(kept)
    for session in sessions:
        if session.front and session.front.drained and not session.network.closed:
            session.network.close()


def _step_network(
    model: ServedModel, sessions: Sequence[Session], max_batch: int
) -> Iterator[tuple[Session, list[Event]]]:
    """What the reader hears in the next rows of each session."""
    lanes, since = [s.network for s in sessions], [s.since for s in sessions]
    spare = model.input.spare_blocks
    # All steps before all reading: what one has brought into the caches the next one finds there.
    for keys, outputs in list(_steps(model.network.geometry, model.step, lanes, since, spare, max_batch)):
        # Streams whose rows are all true, nearly always all of them, are read together.
        alike: dict[tuple[int, int], list[int]] = {}
        for place, key in enumerate(keys):
            true = lanes[key].true_outputs(outputs.shape[1])
            if true.start < true.stop:
                alike.setdefault((true.start, true.stop), []).append(place)
        for (start, stop), places in alike.items():
            rows = [lanes[keys[place]].row for place in places]
            own = outputs if len(places) == len(keys) else outputs[places]
            told = model.read(rows, own[:, start:stop])
            yield from ((sessions[keys[place]], events) for place, events in zip(places, told) if events)


def _steps(
    geometry: Geometry,
    step: Callable[[Sequence[int], np.ndarray], np.ndarray],
    lanes: Sequence[Lane],
    since: Sequence[float],
    spare: int,
    max_batch: int,
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Step the lanes that have whole blocks: which ones, and their outputs [B, m, D].

    Of each lane's blocks `spare` wait, but the first one.
    """
    block, width = geometry.block, len(geometry.neutral)
    ready = [
        Ready(key, max(blocks - spare, min(1, blocks)), since[key])
        for key, blocks in enumerate(lane.blocks for lane in lanes)
    ]
    for keys, blocks in schedule(ready, max_batch):
        x = np.empty((len(keys), blocks * block, width), np.float32)
        for own, key in zip(x, keys):
            lanes[key].take(own)
        yield keys, step([lanes[key].row for key in keys], x)


def _flush(model: ServedModel, session: Session) -> list[Event]:
    """The utterance's end, from copies of the stream's states that are drained."""
    features = np.empty((0, len(model.network.geometry.neutral)), np.float32)
    if session.front:
        front = model.input.front(session.intake.rate_hz)
        features = _drained(front, session.front, np.empty((0, 1), np.float32))
    outputs = _drained(model.network, session.network, features)
    return model.reader.flush(session.network.row, outputs)


def _drained(runner: Runner, lane: Lane, more: np.ndarray) -> np.ndarray:
    """The outputs still to come if the lane, given `more`, closed now; nothing changes."""
    copy = lane.closed_copy(more)
    x = np.empty((copy.waiting, len(lane.geometry.neutral)), np.float32)
    if not len(x):
        return np.empty((0, lane.geometry.out_features), np.float32)
    copy.take(x)
    outputs = runner.peek(lane.row, x)
    return outputs[copy.true_outputs(len(outputs))]


def _end(model: ServedModel, session: Session) -> list[Outgoing]:
    """The last words, and Closed."""
    mark = session.end
    results = session.told(model.reader.finish(session.network.row), mark)
    stream = session.opened.stream
    closed = wire.Closed(stream, mark.reason, session.results, session.position)
    return _outgoing(session, [*results, closed])


def _outgoing(session: Session, messages: Sequence[wire.Output]) -> list[Outgoing]:
    return [Outgoing(session.peer, message) for message in messages]
