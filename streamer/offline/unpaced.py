"""The live mode for files: recordings through the engine that serves, many at once, as fast as it goes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec.structs import replace

from streamer import wire
from streamer.config import Config
from streamer.offline.caption_options import CaptionOptions
from streamer.offline.speech import Progress, SoundBlocks
from streamer.offline.transcript import Transcript, segment, transcript
from streamer.server.contract import Outgoing
from streamer.server.engine import Engine
from streamer.server.serve import unpaced_engine

PEER = b"unpaced"
STREAMS = 32  # at once: wider steps gain little on a CPU
CHUNK_MS = 1000  # wider steps are cheaper; what they give is the same
EMPTY = np.zeros(0, np.float32)


@dataclass
class StreamedSound:
    """The results of one recording's stream, in order; positions count samples at `rate_hz`.

    `index` says which of the recordings that were given it is; `seconds` are those that were sent.
    """

    index: int
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


@dataclass(frozen=True)
class Pacing:
    """How recordings are streamed: in chunks of `chunk_ms`, `streams` at once, each with `options`."""

    chunk_ms: int = CHUNK_MS
    streams: int = STREAMS
    options: Mapping[str, Any] = field(default_factory=dict)


class Unpaced:
    """A live network in an engine of its own: what it writes is what serving it gives."""

    def __init__(self, config: Config, name: str, options: CaptionOptions):
        """ValueError for a model that is unknown, can't be served, hears no sound, or can't write numbers."""
        self.name, self.engine = name, unpaced_engine(config, [name])
        if self.engine.models[name].description().input != "audio":
            raise ValueError(f"{name} hears no sound; name a model whose input is audio")
        known = options.options(self.engine.models[name].reader.option_names)
        self.pacing = Pacing(streams=min(STREAMS, config.model(name).max_streams), options=known)

    def transcripts(
        self, sounds: Iterable[SoundBlocks], progress: Progress = lambda seconds: None
    ) -> Iterator[Transcript]:
        """The transcript of each of `sounds`, whose rates are the wire's, in order."""
        recordings = (sound._replace(blocks=_followed(sound, progress)) for sound in sounds)
        ended: dict[int, Transcript] = {}  # those that a longer one in front of them holds up
        following = 0
        for streamed in listen(self.engine, self.name, recordings, self.pacing):
            ended[streamed.index] = _transcript(streamed)
            while following in ended:
                yield ended.pop(following)
                following += 1


def listen(
    engine: Engine,
    model: str,
    recordings: Iterable[SoundBlocks],
    pacing: Pacing,
    passed: Callable[[float], None] = lambda seconds: None,
) -> Iterator[StreamedSound]:
    """The results of each recording, in the order in which the streams end.

    The rate of a recording must be one of the wire's. Time stands still while the engine works and moves on
    by one chunk between chunks, so that results and their order are the same on every machine. `passed` is
    called with that time.
    """
    waiting = enumerate(recordings)
    streams: dict[bytes, _Stream] = {}
    now, exhausted = 0.0, False
    while streams or not exhausted:
        while len(streams) < pacing.streams and not exhausted:
            following = next(waiting, None)
            exhausted = following is None
            if following is not None:
                stream = _open(engine, model, *following, pacing, now)
                streams[stream.id] = stream
        for stream in list(streams.values()):
            if not stream.ended:
                _take(streams, _send_chunk(engine, stream, now))
        now += pacing.chunk_ms / 1000
        passed(now)
        _take(streams, engine.tick(now))
        while engine.busy:
            _take(streams, engine.tick(now))
        for stream in [stream for stream in streams.values() if stream.closed]:
            del streams[stream.id]
            yield stream.sound


@dataclass
class _Stream:
    """A stream that is on its way, and what it has told."""

    sound: StreamedSound
    id: bytes
    owner: bytes
    chunks: Iterator[np.ndarray]  # float32
    following: np.ndarray | None  # the first of them that is not sent yet
    words: dict[wire.Word, wire.Word] = field(default_factory=dict)  # of the utterance's results so far
    sent: int = 0  # samples
    seq: int = 0
    ended: bool = False  # Close is sent
    closed: bool = False  # and answered


def _open(
    engine: Engine, model: str, index: int, recording: SoundBlocks, pacing: Pacing, now: float
) -> _Stream:
    rate_hz = recording.rate_hz
    options = {"format": {"encoding": "f32", "rate": rate_hz, "channels": 1}, **pacing.options}
    message = wire.Open(request=str(index), model=model, wire=wire.VERSION, options=options)
    for outgoing in engine.receive(PEER, message, b"", now):
        answer = outgoing.message
        if isinstance(answer, wire.Refused):
            raise ValueError(f"{model}: {answer.message}")
        if isinstance(answer, wire.Opened):
            chunk_samples = max(1, rate_hz * pacing.chunk_ms // 1000)
            sound, chunks = (
                StreamedSound(index, 0.0, rate_hz, chunk_samples),
                _chunks(recording, chunk_samples),
            )
            return _Stream(sound, answer.stream, answer.owner, chunks, next(chunks, None))
    raise AssertionError(f"the engine left Open of {model} without an answer")


def _send_chunk(engine: Engine, stream: _Stream, now: float) -> list[Outgoing]:
    """The next chunk, and Close after the last one."""
    answers = []
    if stream.following is not None:
        stream.seq += 1
        audio = wire.Audio(stream=stream.id, owner=stream.owner, seq=stream.seq, start=stream.sent)
        answers += engine.receive(PEER, audio, stream.following.astype("<f4").tobytes(), now)
        stream.sent += len(stream.following)
        stream.sound.seconds = stream.sent / stream.sound.rate_hz
        stream.following = next(stream.chunks, None)
    if stream.following is None:
        stream.seq, stream.ended = stream.seq + 1, True
        answers += engine.receive(PEER, wire.Close(stream.id, stream.owner, stream.seq), b"", now)
    return answers


def _chunks(recording: SoundBlocks, size: int) -> Iterator[np.ndarray]:
    """The samples of a recording in chunks of `size`, the last one shorter."""
    waiting = EMPTY
    for block in recording.blocks:
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if len(waiting):
        yield waiting


def _followed(recording: SoundBlocks, progress: Progress) -> Iterator[np.ndarray]:
    """The blocks of a recording; `progress` hears the seconds of each."""
    for block in recording.blocks:
        yield block
        progress(len(block) / recording.rate_hz)


def _take(streams: Mapping[bytes, _Stream], outgoings: Iterable[Outgoing]) -> None:
    for outgoing in outgoings:
        message = outgoing.message
        if isinstance(message, wire.Refused):
            raise RuntimeError(f"the engine refused a frame: {message.code}: {message.message}")
        if isinstance(message, wire.Result):
            _keep(streams[message.stream], message)
        elif isinstance(message, wire.Closed):
            streams[message.stream].closed = True


def _keep(stream: _Stream, result: wire.Result) -> None:
    """Keep a result; the words that it has in common with those before it are kept once."""
    alternatives = tuple(
        replace(alternative, words=tuple(stream.words.setdefault(word, word) for word in alternative.words))
        for alternative in result.alternatives
    )
    if result.kind == "final":
        stream.words.clear()
    stream.sound.results.append(replace(result, alternatives=alternatives))


def _transcript(streamed: StreamedSound) -> Transcript:
    finals = (final.alternatives[0] for final in streamed.finals)
    segments = (segment(best, 1 / streamed.rate_hz, 0.0, streamed.seconds) for best in finals)
    return transcript(streamed.seconds, segments)
