"""The command that loads a server: how many live streams a machine holds, how fast it reads recordings."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamer.cli.command import argument, flag, option
from streamer.cli.figures import show
from streamer.cli.options import JSON, Configured, address, existing
from streamer.clients.keeping import CHECKPOINT_MS
from streamer.config import Config, with_model
from streamer.errors import WrongCall

LIVE, OFFLINE = "captions-en", "captions-en-offline"
LIVE_STREAMS, OFFLINE_STREAMS = 100, 32
MOST_SECONDS = 86_400.0
PICTURES = (".png", ".svg")


@dataclass(frozen=True, kw_only=True)
class Bench(Configured):
    """What is loaded, with what, for how long; None is what suits."""

    model: str | None = argument(
        "MODEL",
        "A model's name, or its folder.",
        default=None,
        usual="captions-en, with --offline captions-en-offline",
    )
    streams: int | None = option(
        None,
        "N",
        "How many paced live streams, or recordings at once.",
        usual="100, with --offline 32",
        min=1,
    )
    seconds: float = option(30.0, "SECONDS", "How long they speak.")
    file: Path | None = option(None, "FILE", "What they say or type.", usual="what ships", check=existing)
    offline: bool = flag("Transcribe complete recordings instead of live streams.")
    connect: str | None = address("Load a running server instead of starting one.")
    search: bool = flag("Find the largest number of streams that the machine holds, to 5 %.")
    references: bool = flag("Also measure one network for each stream, or recordings one by one.")
    save: Path | None = option(None, "PICTURE", "Draw latency by streams, as PNG or SVG.")
    checkpoint_ms: int = option(
        CHECKPOINT_MS, "MS", "How often streams of sound and text get a checkpoint; 0: never.", min=0
    )
    json: bool = flag(JSON)


def bench(wish: Bench) -> None:
    """Hold paced streams for a while, find how many are held, or transcribe recordings; and report."""
    config = wish.settings()
    if not 0 < wish.seconds <= MOST_SECONDS:
        raise WrongCall(f"--seconds {wish.seconds:g}; give more than 0 and at most {MOST_SECONDS:g}")
    if wish.save and wish.save.suffix.lower() not in PICTURES:
        raise WrongCall(f"--save {wish.save}; name a {' or a '.join(PICTURES)}")
    if wish.save and not wish.save.parent.is_dir():
        raise ValueError(f"--save {wish.save}; {wish.save.parent} is no folder")
    if wish.offline:
        _refuse(wish, "--offline reads complete recordings", "connect", "search", "save")
        figures = _offline(config, wish)
    elif wish.connect:
        # A search wants servers of its own; references would tell of this machine, not of the server's.
        _refuse(wish, "--connect loads a server as it runs", "search", "references")
        figures = _running(config, wish, wish.connect)
    else:
        figures = _live(config, wish)
    show(figures, wish.json)


def _refuse(wish: Bench, reason: str, *others: str) -> None:
    given = asdict(wish)
    if strange := [f"--{name}" for name in others if given[name]]:
        raise WrongCall(f"{reason}; leave {' and '.join(strange)} out")


def _offline(config: Config, wish: Bench) -> dict[str, Any]:
    from streamer.bench.complete_recordings import bench_offline
    from streamer.clients.files import BUNDLED

    config, model = with_model(config, wish.model or OFFLINE)
    streams = _streams(wish, OFFLINE_STREAMS)
    return asdict(bench_offline(config, model, streams, wish.seconds, wish.file or BUNDLED, wish.references))


def _running(config: Config, wish: Bench, address: str) -> dict[str, Any]:
    """Of a server that runs: what it says it serves tells what its streams bring."""
    from streamer.bench.latency_picture import draw
    from streamer.bench.live_pieces import bench_music_running
    from streamer.bench.live_streams import bench_running
    from streamer.clients.connection import connect
    from streamer.clients.files import BUNDLED, BUNDLED_TEXT

    model, streams = wish.model or LIVE, _streams(wish, LIVE_STREAMS)
    with connect(address) as connection:
        served = {description.name: description for description in connection.describe().models}
    if model not in served:
        raise ValueError(f"{address} serves no {model}; there are {', '.join(served) or 'none'}")
    if served[model].input == "generator":
        _refuse(wish, f"{model} reads nothing", "file", "save")
        return asdict(bench_music_running(config, address, model, streams, wish.seconds))
    file = wish.file or (BUNDLED if served[model].input == "audio" else BUNDLED_TEXT)
    run = bench_running(address, served[model], streams, wish.seconds, file, wish.checkpoint_ms)
    if wish.save:
        draw([run], wish.save)
    return asdict(run)


def _live(config: Config, wish: Bench) -> dict[str, Any]:
    """Of a server started for it."""
    from streamer.bench.live_pieces import bench_music
    from streamer.clients.files import BUNDLED, BUNDLED_TEXT
    from streamer.models.bundle import catalog
    from streamer.models.card import read_card
    from streamer.server.served_model import generates

    config, model = with_model(config, wish.model or LIVE)
    streams = _streams(wish, LIVE_STREAMS)
    card = read_card(catalog.find(model, config.folders()))
    if generates(card):
        _refuse(wish, f"{model} reads nothing", "file", "search", "references", "save")
        return asdict(bench_music(config, model, streams, wish.seconds))
    if wish.references and not card.front:
        raise WrongCall(f"{model} reads text; --references go with models of sound")
    file = wish.file or (BUNDLED if card.front else BUNDLED_TEXT)
    figures = _runs(config, model, streams, wish, file)
    return figures | _references(config, model, file) if wish.references else figures


def _streams(wish: Bench, usual: int) -> int:
    return usual if wish.streams is None else wish.streams


def _runs(config: Config, model: str, streams: int, wish: Bench, file: Path) -> dict[str, Any]:
    from streamer.bench.latency_picture import draw
    from streamer.bench.live_streams import BenchReport
    from streamer.bench.live_streams import bench as hold
    from streamer.bench.search import best
    from streamer.bench.search import search as find

    def progress(report: BenchReport) -> None:
        late = "no results" if report.p99_ms is None else f"p99 {report.p99_ms:.0f} ms"
        held = "held" if report.held else "not held"
        print(f"streamer: {report.streams} streams {held}, {late}", file=sys.stderr)

    if wish.search:
        runs = find(config, model, wish.seconds, file, progress, wish.checkpoint_ms)
    else:
        runs = [hold(config, model, streams, wish.seconds, file, None, wish.checkpoint_ms)]
    if wish.save:
        draw(runs, wish.save)
    if not wish.search:
        return asdict(runs[0])
    tried = [[run.streams, run.held, run.p50_ms, run.p95_ms, run.p99_ms] for run in runs]
    return asdict(best(runs)) | {"tried": tried}


def _references(config: Config, model: str, file: Path) -> dict[str, float | None]:
    from streamer.bench.live_streams import recording
    from streamer.bench.references import naive_streams

    sound = recording(file)
    return {
        "naive_streams": naive_streams(config, model, *sound),
        "onnx_streams": _onnx_streams(config, model, *sound),
    }


def _onnx_streams(config: Config, model: str, samples: Any, rate_hz: int) -> float | None:
    """None, and a line that says why, where it can't be measured."""
    from streamer.bench.onnx import missing
    from streamer.bench.references import onnx_streams

    if packages := missing():
        print(
            f"streamer: no onnx_streams without {', '.join(packages)}: pip install 'streamer[onnx]'",
            file=sys.stderr,
        )
        return None
    try:
        return onnx_streams(config, model, samples, rate_hz)
    except ValueError as error:
        print(f"streamer: no onnx_streams: {error}", file=sys.stderr)
        return None
