"""A recorded wire, given to an engine again: the same inputs, in the same order, at the same times.

Law: the results of every stream are those of the recording. When they came and how often inputs
were acknowledged may differ: a replay never has to wait for a frame.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from streamer import wire
from streamer.server.contract import Outgoing, WireEngine
from streamer.server.loop import decode_parts
from streamer.server.recording import Answer, Arrival, CutShort, Drain, Record, Tick, read_recording

# `Opened` waits until its recorded name is read; checkpoints are about the time that the server took.
UNCOMPARED = wire.Opened | wire.Ack | wire.Description | wire.Checkpoint | wire.Moved | wire.Replayed


class Replay:
    """Gives a recording to an engine. Its streams keep the names that they had when recorded."""

    def __init__(self, path: Path, engine: WireEngine):
        self.path, self.engine = path, engine
        self.cut_short = False  # whether the recording ends in the middle of a record
        self._expired: list[bytes] = []  # the streams whose lease ran out when it was last settled
        self._opened: dict[tuple[bytes, str], wire.Opened] = {}  # by peer and request, in the replay
        self._recorded: dict[bytes, wire.Opened] = {}  # by recorded stream, as replayed
        self._names: dict[bytes, bytes] = {}  # replayed stream to recorded stream
        self._owners: dict[bytes, bytes] = {}  # recorded stream to recorded owner
        self._lives: dict[bytes, wire.Incarnation] = {}  # recorded stream to recorded incarnation

    def messages(self) -> Iterator[wire.Output]:
        """What the engine answers, except Ack and Description. ValueError when it can't follow."""
        now = 0.0
        for record in read_recording(self.path):
            if isinstance(record, CutShort):
                self.cut_short = True
                break
            now = record.now
            yield from self._play(record)
        while self.engine.due < math.inf:
            now = max(now, self.engine.due)
            yield from self._named(self._settle(now))

    def _play(self, record: Record) -> Iterator[wire.Output]:
        if isinstance(record, Arrival):
            yield from self._named(self._input(record))
        elif isinstance(record, Tick):
            outgoing = self._settle(record.now)
            expired = {self._names.get(stream, stream) for stream in self._expired}
            if expired != set(record.expired):
                raise ValueError(
                    f"{self.path}: other leases ran out at {record.now:.3f} s than when it was recorded"
                )
            yield from self._named(outgoing)
        elif isinstance(record, Drain):
            yield from self._named(self.engine.drain(record.now))
        else:
            yield from self._answer(record)

    def _input(self, record: Arrival) -> list[Outgoing]:
        try:
            message, payload = decode_parts(record.parts)
        except wire.WireError:
            return []
        if isinstance(message, wire.StreamInput) and message.stream in self._recorded:
            opened = self._recorded[message.stream]
            # A wrong owner stays wrong.
            owner = opened.owner if message.owner == self._owners[message.stream] else message.owner
            message = msgspec.structs.replace(message, stream=opened.stream, owner=owner)
        elif isinstance(message, wire.Resume) and message.stream in self._recorded:
            # It lives, and is reattached; one that was taken up from its checkpoint has the recorded names.
            opened = self._recorded[message.stream]
            living = message.incarnation == self._lives[message.stream]
            message = msgspec.structs.replace(
                message,
                stream=opened.stream,
                owner=opened.owner if message.owner == self._owners[message.stream] else message.owner,
                incarnation=opened.incarnation if living else message.incarnation,
            )
        outgoing = self.engine.receive(record.peer, message, payload, record.now)
        return self._note_opened(outgoing)

    def _settle(self, now: float) -> list[Outgoing]:
        """Tick until nothing is due."""
        outgoing = self.engine.tick(now)
        self._expired = list(self.engine.expired)
        while self.engine.due <= now:
            outgoing = outgoing + self.engine.tick(now)
            self._expired += self.engine.expired
        return self._note_opened(outgoing)

    def _note_opened(self, outgoing: list[Outgoing]) -> list[Outgoing]:
        for out in outgoing:
            if isinstance(out.message, wire.Opened):
                self._opened[out.peer, out.message.request] = out.message
            elif isinstance(out.message, wire.Moved):
                self._recorded.pop(self._names[out.message.stream], None)
        return outgoing

    def _answer(self, record: Answer) -> Iterator[wire.Output]:
        message = _answered(self.path, record)
        if not isinstance(message, wire.Opened) or message.stream in self._recorded:
            return
        opened = self._opened.get((record.peer, message.request))
        if opened is None:
            text = f"the recording has a stream of {message.model!r} that this server does not open"
            raise ValueError(f"{self.path}: {text}; replay it with the config it was recorded with")
        self._recorded[message.stream], self._names[opened.stream] = opened, message.stream
        self._owners[message.stream] = message.owner
        self._lives[message.stream] = message.incarnation
        yield msgspec.structs.replace(
            opened, stream=message.stream, owner=message.owner, incarnation=message.incarnation
        )

    def _named(self, outgoing: Iterable[Outgoing]) -> Iterator[wire.Output]:
        """Messages under the recorded names; `Opened` waits until its recorded name is read."""
        for out in outgoing:
            message = out.message
            if isinstance(message, UNCOMPARED):
                continue
            name = self._names.get(message.stream, message.stream)
            message = msgspec.structs.replace(message, stream=name)
            if isinstance(message, wire.Result | wire.Closed) and name in self._lives:
                message = msgspec.structs.replace(message, incarnation=self._lives[name])
            yield message


def recorded_results(path: Path) -> dict[bytes, list[wire.Result]]:
    """The results that a recording holds, by stream."""
    results: dict[bytes, list[wire.Result]] = {}
    for record in read_recording(path):
        if isinstance(record, Answer):
            message = _answered(path, record)
            if isinstance(message, wire.Result):
                results.setdefault(message.stream, []).append(message)
    return results


def _answered(path: Path, record: Answer) -> wire.Output:
    """The message of a recorded answer. ValueError where it is none."""
    try:
        header, *payload = record.parts or [b""]
        return wire.decode_output(header, *payload[:1])
    except wire.WireError as error:
        raise ValueError(f"{path}: an answer of {record.now:.3f} s is damaged: {error.message}") from None
