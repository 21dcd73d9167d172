"""Recordings through the engine that serves: chunk by chunk, many at once, as fast as it goes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec.structs import replace

from streamer import wire
from streamer.offline.recordings import COMMON_RATE_HZ, Recording, SpokenWord
from streamer.server.contract import Outgoing
from streamer.server.engine import Engine

PEER = b"evaluation"


@dataclass
class Heard:
    """A recording without its samples, and its results in order; positions count samples at `rate_hz`."""

    key: str
    reference: str
    spoken: tuple[SpokenWord, ...] | None
    seconds: float
    rate_hz: int
    chunk_samples: int
    results: list[wire.Result] = field(default_factory=list)

    def heard_seconds(self, result: wire.Result) -> float:
        """How much of the recording was in when `result` came: chunks up to the one that brought it."""
        return min(self.seconds, result.accepted * self.chunk_samples / self.rate_hz)

    @property
    def text(self) -> str:
        """What the finals say."""
        return " ".join(r.alternatives[0].text for r in self.finals if r.alternatives[0].text)

    @property
    def finals(self) -> list[wire.Result]:
        return [r for r in self.results if r.kind == "final" and r.alternatives]


@dataclass
class _Live:
    heard: Heard
    stream: bytes
    owner: bytes
    payload: bytes  # the whole recording, float32
    words: dict[wire.Word, wire.Word] = field(default_factory=dict)  # of the utterance's results so far
    sent: int = 0  # samples
    seq: int = 0
    ended: bool = False  # Close is sent
    closed: bool = False  # and answered


def listen(
    engine: Engine,
    model: str,
    recordings: Iterable[Recording],
    chunk_ms: int,
    streams: int,
    passed: Callable[[float], None] = lambda seconds: None,
    options: Mapping[str, Any] = {},
) -> Iterator[Heard]:
    """Each recording with its results, in the order in which the streams end; `options` are of all streams.

    Time stands still while the engine works and moves on by one chunk between chunks, so that
    results and their order are the same on every machine. `passed` is told that time.
    """
    waiting = iter(recordings)
    live: dict[bytes, _Live] = {}
    now, opened, exhausted = 0.0, 0, False
    while live or not exhausted:
        while len(live) < streams and not exhausted:
            recording = next(waiting, None)
            exhausted = recording is None
            if recording is not None:
                one = _open(engine, model, recording, chunk_ms, str(opened), now, options)
                live[one.stream] = one
                opened += 1
        for one in list(live.values()):
            if not one.ended:
                _take(live, _send_chunk(engine, one, now))
        now += chunk_ms / 1000
        passed(now)
        _take(live, engine.tick(now))
        while engine.busy:
            _take(live, engine.tick(now))
        for one in [one for one in live.values() if one.closed]:
            del live[one.stream]
            yield one.heard


def _open(
    engine: Engine,
    model: str,
    recording: Recording,
    chunk_ms: int,
    request: str,
    now: float,
    wanted: Mapping[str, Any],
) -> _Live:
    if recording.rate_hz not in wire.RATES_HZ:
        recording = recording.at(COMMON_RATE_HZ)
    options = {"format": {"encoding": "f32", "rate": recording.rate_hz, "channels": 1}, **wanted}
    message = wire.Open(request=request, model=model, wire=wire.VERSION, options=options)
    for outgoing in engine.receive(PEER, message, b"", now):
        answer = outgoing.message
        if isinstance(answer, wire.Refused):
            raise ValueError(f"{model}: {answer.message}")
        if isinstance(answer, wire.Opened):
            payload = np.ascontiguousarray(recording.samples, "<f4").tobytes()
            rate_hz = recording.rate_hz
            heard = Heard(
                key=recording.key,
                reference=recording.text,
                spoken=recording.words,
                seconds=recording.seconds,
                rate_hz=rate_hz,
                chunk_samples=max(1, rate_hz * chunk_ms // 1000),
            )
            return _Live(heard, answer.stream, answer.owner, payload)
    raise AssertionError(f"the engine left Open of {model} without an answer")


def _send_chunk(engine: Engine, one: _Live, now: float) -> list[Outgoing]:
    """The next chunk, and Close behind the last one."""
    chunk = one.payload[4 * one.sent : 4 * (one.sent + one.heard.chunk_samples)]
    answers = []
    if chunk:
        one.seq += 1
        audio = wire.Audio(stream=one.stream, owner=one.owner, seq=one.seq, start=one.sent)
        answers += engine.receive(PEER, audio, chunk, now)
        one.sent += len(chunk) // 4
    if 4 * one.sent >= len(one.payload):
        one.seq, one.ended = one.seq + 1, True
        answers += engine.receive(PEER, wire.Close(one.stream, one.owner, one.seq), b"", now)
    return answers


def _take(live: dict[bytes, _Live], outgoings: list[Outgoing]) -> None:
    for outgoing in outgoings:
        message = outgoing.message
        if isinstance(message, wire.Refused):
            raise RuntimeError(f"the engine refused a frame: {message.code}: {message.message}")
        if isinstance(message, wire.Result):
            _keep(live[message.stream], message)
        elif isinstance(message, wire.Closed):
            live[message.stream].closed = True


def _keep(one: _Live, result: wire.Result) -> None:
    """Keep a result; the words that it has in common with those before it are kept once."""
    alternatives = tuple(
        replace(said, words=tuple(one.words.setdefault(word, word) for word in said.words))
        for said in result.alternatives
    )
    if result.kind == "final":
        one.words.clear()
    one.heard.results.append(replace(result, alternatives=alternatives))
