"""Live generators against a server of their own: do all stay ahead of what is heard, and at what cost?"""

import time
from dataclasses import dataclass

import msgspec
import torch

from streamer.bench import cpu_seconds
from streamer.config import Config
from streamer.load_music import TEMPO, MusicLoad
from streamer.server_process import ServerProcess


@dataclass(frozen=True)
class MusicReport:
    """`held`: every beat of every piece was composed and sounded before it was due.

    `lead_ms` is how long before: a beat is due two beats after it was asked for. Processor time is
    told in seconds a second of one stream, of the server, which composes, and of the client, which
    sounds.
    """

    model: str
    streams: int
    seconds: float
    tempo: float
    held: bool
    lead_least_ms: float
    lead_p50_ms: float
    beats: int
    late_beats: int
    compose_cpu_per_stream_second: float
    sound_cpu_per_stream_second: float


def bench_music(config: Config, model: str, streams: int, seconds: float) -> MusicReport:
    """Play `streams` pieces of `model` for `seconds`. ValueError, one line, for what can't be served."""
    beats = round(seconds * TEMPO / 60)
    if streams < 1 or beats < 1:
        raise ValueError(f"{streams} streams for {seconds:g} s; give at least 1, and a beat of {60 / TEMPO:g} s")
    torch.set_num_threads(config.engine.threads)
    own = msgspec.structs.replace(config.model(model), max_streams=max(streams, config.model(model).max_streams))
    config = msgspec.structs.replace(
        config,
        server=msgspec.structs.replace(config.server, serve=[model]),
        models=config.models | {model: own},
        pipelines={},
    )
    with ServerProcess(config) as server, MusicLoad(server.inputs, model, streams) as music:
        music.open()
        composed, sounded = cpu_seconds(server.pid), time.process_time()
        music.play(beats)
        composed, sounded = cpu_seconds(server.pid) - composed, time.process_time() - sounded
    leads = sorted(lead for player in music.players for lead in player.leads_ms)
    whole = len(leads) == streams * beats and all(player.closed for player in music.players)
    stream_seconds = streams * beats * 60 / TEMPO
    return MusicReport(
        model=model,
        streams=streams,
        seconds=beats * 60 / TEMPO,
        tempo=TEMPO,
        held=whole and leads[0] >= 0,
        lead_least_ms=leads[0] if leads else float("nan"),
        lead_p50_ms=leads[len(leads) // 2] if leads else float("nan"),
        beats=len(leads),
        late_beats=sum(lead < 0 for lead in leads),
        compose_cpu_per_stream_second=composed / stream_seconds,
        sound_cpu_per_stream_second=sounded / stream_seconds,
    )
