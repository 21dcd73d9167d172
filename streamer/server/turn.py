"""One turn of a model's streams: feed, step the fronts, step the network, read, say what came of it.

What a model's own code raises (its feeder, its network, its reader) ends the streams that it was
called for, and nobody else: the session's `fault` holds it, and the turn goes on without them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from streamer import wire
from streamer.models.readers import Event
from streamer.runtime.geometry import Geometry
from streamer.runtime.lane import Lane
from streamer.runtime.runner import Runner
from streamer.server.announcing import announce_fault
from streamer.server.contract import Outgoing
from streamer.server.scheduler import Ready, schedule
from streamer.server.served_model import ServedModel
from streamer.server.session import Session


def take_turn(model: ServedModel, sessions: Sequence[Session], max_batch: int) -> list[Outgoing]:
    """Take every session one step on; return the messages to the owners, a stream's `Closed` last."""
    for session in sessions:
        try:
            if marks := session.feed():
                model.reader.marks(session.network.row, marks)
        except Exception as error:
            session.fault = error
    _step_fronts(sessions, max_batch)
    outgoing: list[Outgoing] = []
    for session, events in _step_network(model, sessions, max_batch):
        try:
            outgoing += _outgoing(session, session.results(events))
        except Exception as error:
            session.fault = error
    for session in sessions:
        if not session.fault:
            try:
                outgoing += _outgoing(session, _flushed_and_ended(model, session))
            except Exception as error:
                session.fault = error
    return outgoing + end_faulted([session for session in sessions if session.fault])


def end_faulted(sessions: Sequence[Session]) -> list[Outgoing]:
    """The messages to the owners of `sessions`, whose model failed; the traceback goes to standard error."""
    outgoing: list[Outgoing] = []
    for error in {id(session.fault): session.fault for session in sessions}.values():
        ended = [session for session in sessions if session.fault is error]
        report(ended[0].opened.model, len(ended), error)
    for session in sessions:
        outgoing += _outgoing(session, [session.refused_by_fault(), session.closed("fault")])
    return outgoing


def report(model: str, num_streams: int, error: BaseException | None) -> None:
    """Tell whoever runs the server that a model failed, and where."""
    announce_fault(f"{model} failed; streams that end with it: {num_streams}", error)


class Queue(NamedTuple):
    """The streams that wait for one stage, and their lanes there, in the same order."""

    geometry: Geometry
    step: Callable[[Sequence[int], np.ndarray], np.ndarray]
    sessions: list[Session]
    lanes: list[Lane]
    spare: int = 0  # blocks of each lane, the first one excepted, that wait for the next turn


def _step_fronts(sessions: Sequence[Session], max_batch: int) -> None:
    """Features of what waits, into the network's lanes. A front that is drained closes them."""
    queues: dict[Runner, Queue] = {}
    for session in sessions:
        if session.front and not session.fault:
            runner, lane = session.front
            queue = queues.setdefault(runner, Queue(runner.geometry, runner.step, [], []))
            queue.sessions.append(session)
            queue.lanes.append(lane)
    for queue in queues.values():
        for keys, features in _steps(queue, max_batch):
            for key, own in zip(keys, features):
                # A copy: a few steps that wait must not keep the whole batch in memory.
                true = own[queue.lanes[key].true_outputs(len(own))].copy()
                queue.sessions[key].network.push(true)
    for session in sessions:
        if session.front and session.front.lane.drained and not session.network.closed:
            session.network.close()


def _step_network(
    model: ServedModel, sessions: Sequence[Session], max_batch: int
) -> Iterator[tuple[Session, list[Event]]]:
    """What the reader makes of the next rows of each session."""
    waiting = [session for session in sessions if not session.fault]
    lanes = [session.network for session in waiting]
    queue = Queue(model.network.geometry, model.step, waiting, lanes, model.input.spare_blocks)
    # All steps before all reading: what one has brought into the caches the next one finds there.
    for keys, outputs in list(_steps(queue, max_batch)):
        # Streams whose rows are all true, nearly always all of them, are read together.
        alike: dict[tuple[int, int], list[int]] = {}
        for place, key in enumerate(keys):
            true = lanes[key].true_outputs(outputs.shape[1])
            if true.start < true.stop and not waiting[key].fault:
                alike.setdefault((true.start, true.stop), []).append(place)
        for (start, stop), places in alike.items():
            rows = [lanes[keys[place]].row for place in places]
            own = outputs if len(places) == len(keys) else outputs[places]
            readers = [waiting[keys[place]] for place in places]
            try:
                heard = model.read(rows, own[:, start:stop])
            except Exception as error:
                _end(readers, error)
                continue
            yield from ((session, events) for session, events in zip(readers, heard) if events)


def _steps(queue: Queue, max_batch: int) -> Iterator[tuple[list[int], np.ndarray]]:
    """Step the lanes that have whole blocks: the places of a batch's lanes, and their outputs [B, m, D]."""
    lanes, sessions = queue.lanes, queue.sessions
    block, width = queue.geometry.block, len(queue.geometry.neutral)
    ready = [
        Ready(key, max(blocks - queue.spare, min(1, blocks)), sessions[key].since)
        for key, blocks in enumerate(lane.blocks for lane in lanes)
    ]
    for batch in schedule(ready, max_batch):
        # A stream that failed in an earlier batch of the turn takes no further step.
        keys = [key for key in batch.keys if not sessions[key].fault]
        if not keys:
            continue
        x = np.empty((len(keys), batch.blocks * block, width), np.float32)
        for own, key in zip(x, keys):
            lanes[key].take(own)
        try:
            outputs = queue.step([lanes[key].row for key in keys], x)
        except Exception as error:
            _end((sessions[key] for key in keys), error)
            continue
        yield keys, outputs


def _end(sessions: Iterable[Session], error: Exception) -> None:
    for session in sessions:
        session.fault = error


def _flushed_and_ended(model: ServedModel, session: Session) -> list[wire.Output]:
    """What a Flush whose turn it is, and the stream's end, bring; else the Ack that is due."""
    messages: list[wire.Output] = []
    if mark := session.flushing:
        messages += session.results(_flush(model, session), mark)
        session.flushed()
    if session.end and session.network.drained:
        # The last words, and Closed.
        messages += session.results(model.reader.finish(session.network.row), session.end)
        messages.append(session.closed(session.end.reason))
    elif ack := session.due_ack():
        messages.append(ack)
    return messages


def _flush(model: ServedModel, session: Session) -> list[Event]:
    """The utterance's end, from copies of the stream's states that are drained."""
    features = np.empty((0, len(model.network.geometry.neutral)), np.float32)
    if session.front:
        features = _drained(session.front.runner, session.front.lane, np.empty((0, 1), np.float32))
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


def _outgoing(session: Session, messages: Sequence[wire.Output]) -> list[Outgoing]:
    return [Outgoing(session.peer, message) for message in messages]
