"""A job's recordings through the model that it names: served in this process, or heard whole."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from streamer import wire
from streamer.evaluation.job import Job
from streamer.models.bundle import catalog
from streamer.models.bundle.card import Card, read_card
from streamer.offline.live_driver import Heard, listen
from streamer.offline.recordings import COMMON_RATE_HZ, Recording
from streamer.offline.speech import Offline
from streamer.offline.transcript import Transcript
from streamer.offline.writing import RAW, Writing
from streamer.runtime.loading import check_task, load_model
from streamer.server.engine import Engine
from streamer.server.serve import unpaced_engine

STREAMS = 32  # at once: wider steps gain little on a CPU


@dataclass(frozen=True)
class LiveModel:
    """A model in an engine of its own."""

    name: str
    card: Card
    engine: Engine


def live_model(job: Job, task: str) -> LiveModel:
    """The job's model, served in this process. ValueError where it is unknown or made for another task."""
    card = read_card(catalog.find(job.model, job.config.folders()))
    check_task(job.model, card.task, task)
    return LiveModel(job.model, card, unpaced_engine(job.config, [job.model]))


def hear(
    model: LiveModel,
    recordings: Iterable[Recording],
    job: Job,
    writing: Writing = RAW,
    passed: Callable[[float], None] = lambda seconds: None,
) -> list[Heard]:
    """All `recordings` through `model`, with the job's progress; `passed` takes the seconds of a stream."""
    streams = min(STREAMS, job.config.model(model.name).max_streams)
    options = writing.options(model.engine.models[model.name].reader.option_names)
    heard = []
    for stream in listen(model.engine, model.name, recordings, job.chunk_ms, streams, passed, options):
        job.progress(stream.seconds)
        heard.append(stream)
    return heard


def offline_model(job: Job, task: str, writing: Writing = RAW) -> Offline:
    """The job's model. ValueError where it is unknown, live, or made for another task."""
    return Offline(load_model(job.config, job.model, task), writing)


def read_whole(offline: Offline, recordings: Sequence[Recording], job: Job) -> list[Transcript]:
    """The transcript of each recording, with the job's progress."""
    sounds = []
    for recording in recordings:
        taken = recording if recording.rate_hz in wire.RATES_HZ else recording.at(COMMON_RATE_HZ)
        sounds.append((taken.samples, taken.rate_hz))
    return offline.transcribe(sounds, job.progress)
