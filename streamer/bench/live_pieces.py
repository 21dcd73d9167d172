"""Live generators against a server: do all stay ahead of what is heard, and at what cost?"""

import time
from dataclasses import dataclass

import torch

from streamer.bench.live_streams import serving
from streamer.bench.paced_pieces import TEMPO, MusicLoad
from streamer.config import Config
from streamer.errors import WrongCall
from streamer.server.child_process import ServerProcess
from streamer.server.usage import cpu_seconds


@dataclass(frozen=True)
class MusicReport:
    """`held`: every beat of every piece was composed and sounded before it was due.

    `lead_ms` is how long before: a beat is due two beats after it was asked for. Processor time is
    in seconds a second of one stream, of the server, which composes, and of the client, which
    sounds; None of a server that isn't the bench's own.
    """

    model: str
    streams: int
    seconds: float
    tempo: float
    held: bool
    lead_least_ms: float | None
    lead_p50_ms: float | None
    beats: int
    late_beats: int
    compose_cpu_per_stream_second: float | None
    sound_cpu_per_stream_second: float


def bench_music(config: Config, model: str, streams: int, seconds: float) -> MusicReport:
    """Play `streams` pieces of `model` for `seconds`. ValueError, one line, for what can't be served."""
    beats = _beats(streams, seconds)
    torch.set_num_threads(config.engine.threads)
    with (
        ServerProcess(serving(config, model, streams)) as server,
        MusicLoad(server.inputs, model, streams) as music,
    ):
        music.open()
        used = cpu_seconds(server.pid)
        sounded = _played(music, beats)
        return _report(music, beats, cpu_seconds(server.pid) - used, sounded)


def bench_music_running(
    config: Config, address: str, model: str, streams: int, seconds: float
) -> MusicReport:
    """As `bench_music`, of the server that runs at `address`. ConnectionError for one that refuses."""
    beats = _beats(streams, seconds)
    torch.set_num_threads(config.engine.threads)
    with MusicLoad(address, model, streams) as music:
        music.open()
        return _report(music, beats, None, _played(music, beats))


def _beats(streams: int, seconds: float) -> int:
    beats = round(seconds * TEMPO / 60)
    if streams < 1 or beats < 1:
        raise WrongCall(
            f"{streams} streams for {seconds:g} s; give at least 1, and a beat of {60 / TEMPO:g} s"
        )
    return beats


def _played(music: MusicLoad, beats: int) -> float:
    """Play them; the processor time of this process, which sounds them."""
    used = time.process_time()
    music.play(beats)
    return time.process_time() - used


def _report(music: MusicLoad, beats: int, composed: float | None, sounded: float) -> MusicReport:
    leads, streams = sorted(lead for player in music.players for lead in player.leads_ms), len(music.players)
    whole = len(leads) == streams * beats and all(player.closed for player in music.players)
    stream_seconds = streams * beats * 60 / TEMPO
    return MusicReport(
        model=music.model,
        streams=streams,
        seconds=beats * 60 / TEMPO,
        tempo=TEMPO,
        held=whole and leads[0] >= 0,
        lead_least_ms=leads[0] if leads else None,
        lead_p50_ms=leads[len(leads) // 2] if leads else None,
        beats=len(leads),
        late_beats=sum(lead < 0 for lead in leads),
        compose_cpu_per_stream_second=None if composed is None else composed / stream_seconds,
        sound_cpu_per_stream_second=sounded / stream_seconds,
    )
