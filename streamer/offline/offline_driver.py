"""Recordings through a network that hears the whole of each."""

from streamer import wire
from streamer.evaluation.job import Job
from streamer.models.bundle import catalog
from streamer.models.bundle.build import load
from streamer.offline.recordings import COMMON_RATE_HZ, Recording
from streamer.offline.speech import Offline, Transcript
from streamer.offline.writing import RAW, Writing


def offline_model(job: Job, task: str, writing: Writing = RAW) -> Offline:
    """The job's model. ValueError where it is unknown, live, or made for another task."""
    model = load(catalog.find(job.model, job.config.folders()), job.config.model(job.model).allow_imports)
    if model.card.task != task:
        raise ValueError(f"{job.model} is a model for {model.card.task}; name one for {task}")
    return Offline(model, writing)


def read_whole(offline: Offline, recordings: list[Recording], job: Job) -> list[Transcript]:
    """The transcript of each recording, the progress told."""
    sounds = []
    for recording in recordings:
        known = recording if recording.rate_hz in wire.RATES_HZ else recording.at(COMMON_RATE_HZ)
        sounds.append((known.samples, known.rate_hz))
    return offline.transcribe(sounds, job.progress)
