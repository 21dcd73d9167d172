"""Complete recordings, many at once: how much faster than real time, and at what cost?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from streamer.config import Config
from streamer.errors import WrongCall
from streamer.models.layers.whole import Whole
from streamer.offline.speech import Offline
from streamer.server.loading import load_model
from streamer.sound.sound_file import read_mono

LEAST_SECONDS, MOST_SECONDS = 0.1, 4 * 3600.0  # of a recording; of all of them, which are in memory


@dataclass(frozen=True)
class OneAtATime:
    """The same recordings, each by itself; `ratio` is how many times faster all at once were."""

    times_real_time: float
    ratio: float


@dataclass(frozen=True)
class OfflineReport:
    """`times_real_time`: seconds of sound over seconds of waiting, features and words included.

    A stream is a recording of `seconds`.
    """

    task: str
    model: str
    device: str
    streams: int
    seconds: float
    times_real_time: float
    cpu_seconds_per_stream_hour: float
    references: OneAtATime | None


def bench_offline(
    config: Config, name: str, streams: int, seconds: float, file: Path, references: bool
) -> OfflineReport:
    """Transcribe `streams` recordings of `seconds` of `file`, again and again, with the network `name`.

    ValueError, one line, for what isn't an offline network of sound, and for a file that isn't sound.
    """
    if streams < 1 or seconds < LEAST_SECONDS or streams * seconds > MOST_SECONDS:
        raise WrongCall(
            f"{streams} recordings of {seconds:g} s; give at least 1, of {LEAST_SECONDS:g} s, "
            f"and at most {MOST_SECONDS:g} s in all"
        )
    torch.set_num_threads(config.engine.threads)
    model = load_model(config, name)
    if not model.card.front or not isinstance(model.network, Whole):
        what = "is a live network" if model.card.front else "hears no sound"
        raise ValueError(f"{name} {what}; --offline goes with offline networks of sound")
    recordings, offline = _recordings(*read_mono(file), streams, seconds), Offline(model)
    offline.transcribe(recordings[:1])  # warms up: the first search of words is compiled
    wall, cpu = _took(offline, [recordings])
    alone = _took(offline, [[recording] for recording in recordings])[0] if references else None
    sound = streams * seconds
    return OfflineReport(
        task=model.card.task,
        model=name,
        device="cpu",
        streams=streams,
        seconds=seconds,
        times_real_time=sound / wall,
        cpu_seconds_per_stream_hour=cpu * 3600 / sound,
        references=None if alone is None else OneAtATime(sound / alone, alone / wall),
    )


def _recordings(
    samples: np.ndarray, rate_hz: int, streams: int, seconds: float
) -> list[tuple[np.ndarray, int]]:
    """The sound round and round; each recording begins elsewhere, so that not all say the same."""
    count = round(seconds * rate_hz)
    return [
        (np.resize(np.roll(samples, -at * len(samples) // streams), count), rate_hz) for at in range(streams)
    ]


def _took(offline: Offline, groups: Sequence[Sequence[tuple[np.ndarray, int]]]) -> tuple[float, float]:
    """Seconds on the clock, and of the processor, to transcribe group after group."""
    began, used = time.perf_counter(), time.process_time()
    for group in groups:
        offline.transcribe(group)
    return time.perf_counter() - began, time.process_time() - used
