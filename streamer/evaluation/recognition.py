"""A job's recordings through the model that it names: served in this process, or heard whole."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from streamer import wire
from streamer.evaluation.job import Job
from streamer.evaluation.recordings import COMMON_RATE_HZ, Recording, SpokenWord
from streamer.models.bundle import catalog
from streamer.models.card import Card, read_card
from streamer.offline.caption_options import RAW, CaptionOptions
from streamer.offline.speech import Offline, SoundBlocks
from streamer.offline.transcript import Transcript
from streamer.offline.unpaced import STREAMS, Pacing, StreamedSound, listen
from streamer.server.engine import Engine
from streamer.server.loading import check_task, load_model
from streamer.server.serve import unpaced_engine


@dataclass
class Heard(StreamedSound):
    """What a recording's stream gave, beside what was said in it; `key` is the recording's."""

    key: str = ""
    reference: str = ""
    spoken: tuple[SpokenWord, ...] | None = None


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
    writing: CaptionOptions = RAW,
    passed: Callable[[float], None] = lambda seconds: None,
) -> list[Heard]:
    """All `recordings` through `model`, in order, with the job's progress.

    `passed` takes the seconds of a stream.
    """
    references: list[tuple[str, str, tuple[SpokenWord, ...] | None]] = []

    def sounds() -> Iterator[SoundBlocks]:
        for recording in recordings:
            references.append((recording.key, recording.text, recording.words))
            known = _at_known_rate(recording)
            yield SoundBlocks([known.samples], known.rate_hz)

    streams = min(STREAMS, job.config.model(model.name).max_streams)
    options = writing.options(model.engine.models[model.name].reader.option_names)
    heard = []
    for stream in listen(model.engine, model.name, sounds(), Pacing(job.chunk_ms, streams, options), passed):
        job.progress(stream.seconds)
        key, reference, spoken = references[stream.index]
        heard.append(Heard(**vars(stream), key=key, reference=reference, spoken=spoken))
    # A stream that is shorter ends sooner.
    return sorted(heard, key=lambda stream: stream.index)


def offline_model(job: Job, writing: CaptionOptions = RAW) -> Offline:
    """The job's model of captions. ValueError where it is unknown, live, or made for another task."""
    return Offline(load_model(job.config, job.model, "captions"), writing)


def read_whole(offline: Offline, recordings: Sequence[Recording], job: Job) -> list[Transcript]:
    """The transcript of each recording, with the job's progress."""
    known = map(_at_known_rate, recordings)
    return offline.transcribe([(recording.samples, recording.rate_hz) for recording in known], job.progress)


def _at_known_rate(recording: Recording) -> Recording:
    """The recording at its own rate where the wire takes it, else at the common one."""
    return recording if recording.rate_hz in wire.RATES_HZ else recording.at(COMMON_RATE_HZ)
