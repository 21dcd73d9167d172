"""Paced live streams against a server: does it keep up, and how late are the results?"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from streamer import wire
from streamer.bench.paced_streams import WORD_MS, Load, Material, PacedStream, spoken, typed
from streamer.bench.product_rate import Peak
from streamer.config import Config
from streamer.errors import WrongCall
from streamer.models.bundle import catalog
from streamer.models.card import read_card
from streamer.server.child_process import ServerProcess
from streamer.server.usage import cpu_seconds, resident_bytes
from streamer.sound.sound_file import read_mono

BACKLOG_LIMIT_MS = 500.0
P99_LIMIT_MS = 200.0


@dataclass(frozen=True)
class BenchReport:
    """`held`: no stream was lost, every backlog stayed under 500 ms, the 99th percentile under 200 ms.

    Latencies run from sending the frame that a result rests on to receiving the result; None where
    no result came. `backlog_ms` is the worst of any stream: input that left and isn't yet taken.
    `sent_late_p99_ms` is how late the frames themselves left: large where the machine was busy.
    `drain_p99_ms` runs from Close to Closed. `mean_width` is the streams in a step of the network;
    `share_of_peak` its products over the processor time of the steps, over the best product rate
    measured before with the same threads; None where the products can't be counted.
    `reader_ms_per_second` is the processor time that reading takes for a second of a stream. What a
    server used that isn't the bench's own can't be seen, and is None; so are a `mean_width` and a
    `reader_ms_per_second` that it doesn't tell.
    """

    task: str
    model: str
    device: str
    streams: int
    seconds: float
    held: bool
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    backlog_ms: float
    results: int
    sent_late_p99_ms: float
    drain_p99_ms: float | None
    cpu_seconds_per_stream_hour: float | None
    bytes_per_stream: float | None
    mean_width: float | None
    share_of_peak: float | None
    reader_ms_per_second: float | None


def bench(
    config: Config,
    model: str,
    streams: int,
    seconds: float,
    file: Path,
    peak: Peak | None = None,
    checkpoint_ms: int = 0,
) -> BenchReport:
    """Play `file` on `streams` paced streams of `model` to a server started for it.

    The server gives each of them a checkpoint every `checkpoint_ms`, 0 for none. `peak` is measured first
    where it isn't given. Sound has a frame every 100 ms, text a word every 200 ms. ValueError, one line, for
    a model that can't be served or a file that isn't what it takes.
    """
    card = read_card(catalog.find(model, config.folders()))
    material = _material(model, "audio" if card.front else "text", streams, seconds, file)
    material = dataclasses.replace(material, checkpoint_ms=checkpoint_ms)
    peak = peak or Peak(config, model)
    with ServerProcess(serving(config, model, streams)) as server, Load(server.inputs, material) as paced:
        idle, before = resident_bytes(server.pid), paced.describe(model).work
        paced.open(model, streams)
        used = cpu_seconds(server.pid)
        paced.play(seconds)
        used = cpu_seconds(server.pid) - used
        grown, after = resident_bytes(server.pid) - idle, paced.describe(model)
    seen = ServerUse(after, before, used, grown, peak.share(before, after.work))
    return report(seen, paced.speakers, seconds, paced.late_ms)


def bench_running(
    address: str,
    served: wire.ModelDescription,
    streams: int,
    seconds: float,
    file: Path,
    checkpoint_ms: int = 0,
) -> BenchReport:
    """As `bench`, of the model `served` by the server that runs at `address`.

    ValueError for a file that isn't what the model takes; ConnectionError for a server that refuses.
    """
    material = _material(served.name, served.input, streams, seconds, file)
    material = dataclasses.replace(material, checkpoint_ms=checkpoint_ms)
    with Load(address, material) as paced:
        before = paced.describe(served.name).work
        paced.open(served.name, streams)
        paced.play(seconds)
        after = paced.describe(served.name)
    return report(ServerUse(after, before, None, None, None), paced.speakers, seconds, paced.late_ms)


def serving(config: Config, model: str, streams: int) -> Config:
    """The config of a server of its own that serves `model` alone, to `streams` streams at least."""
    own = config.model(model)
    own = replace(own, max_streams=max(streams, own.max_streams))
    return replace(
        config,
        server=replace(config.server, serve=[model]),
        models=config.models | {model: own},
        pipelines={},
    )


class ServerUse(NamedTuple):
    """What the server used for a run; None is what can't be seen."""

    after: wire.ModelDescription
    before: wire.Work
    cpu_seconds: float | None
    bytes: float | None
    share_of_peak: float | None


def _material(model: str, input: str, streams: int, seconds: float, file: Path) -> Material:
    """What streams of `model`, which takes audio or text, bring: the sound or the text of `file`."""
    if streams < 1 or seconds < WORD_MS / 1000:
        raise WrongCall(f"{streams} streams for {seconds:g} s; give at least 1, and 0.2 s")
    if input == "audio":
        return spoken(*recording(file))
    try:
        return typed(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no UTF-8 text, and {model} reads text") from None


def report(seen: ServerUse, speakers: list[PacedStream], seconds: float, late_ms: list[float]) -> BenchReport:
    """The figures of all streams together."""
    latencies = np.concatenate([np.asarray(s.latencies_ms, float) for s in speakers])
    p50, p95, p99 = np.percentile(latencies, (50, 95, 99)).tolist() if len(latencies) else (None,) * 3
    drained = [s.drained_ms for s in speakers if s.drained_ms is not None]
    backlog_ms = max(speaker.worst_backlog_ms for speaker in speakers)
    alive = all(speaker.closed for speaker in speakers)
    work, before = seen.after.work, seen.before
    spoken_hours, steps = len(speakers) * seconds / 3600, work.steps - before.steps
    read = work.reader_seconds - before.reader_seconds
    return BenchReport(
        task=seen.after.task,
        model=seen.after.name,
        device=seen.after.device,
        streams=len(speakers),
        seconds=seconds,
        held=alive and backlog_ms < BACKLOG_LIMIT_MS and p99 is not None and p99 < P99_LIMIT_MS,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        backlog_ms=backlog_ms,
        results=len(latencies),
        sent_late_p99_ms=float(np.percentile(late_ms, 99)),
        drain_p99_ms=float(np.percentile(drained, 99)) if drained else None,
        cpu_seconds_per_stream_hour=None if seen.cpu_seconds is None else seen.cpu_seconds / spoken_hours,
        bytes_per_stream=None if seen.bytes is None else seen.bytes / len(speakers),
        mean_width=(work.streams - before.streams) / steps if steps > 0 else None,
        share_of_peak=seen.share_of_peak,
        reader_ms_per_second=1000 * read / (len(speakers) * seconds) if read > 0 else None,
    )


def recording(path: Path) -> tuple[np.ndarray, int]:
    """The file's sound, mono int16, and its sample rate. Raises ValueError where it isn't audio."""
    samples, rate_hz = read_mono(path)
    return np.clip(32768 * samples, -32768, 32767).astype(np.int16), rate_hz
