"""The command that loads a server: how many live streams a machine holds, how fast it reads recordings."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from streamer.config import Config, read_config
from streamer.errors import WrongCall

LIVE, OFFLINE = "captions-en", "captions-en-offline"
LIVE_STREAMS, OFFLINE_STREAMS = 100, 32
MOST_SECONDS = 86_400.0
PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class Wish:
    """What is asked for; None is what suits. `connect` is the address of a running server."""

    model: str | None
    streams: int | None
    seconds: float
    file: Path | None
    offline: bool
    connect: str | None
    search: bool
    references: bool
    save: Path | None


def bench(config_file: Path | None, wish: Wish, as_json: bool) -> None:
    """Hold paced streams for a while, find how many are held, or transcribe recordings; and report."""
    config = read_config(config_file)
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
        figures = _running(config, wish)
    else:
        figures = _live(config, wish)
    _show(figures, as_json)


def _refuse(wish: Wish, reason: str, *others: str) -> None:
    asked = asdict(wish)
    if strange := [f"--{name}" for name in others if asked[name]]:
        raise WrongCall(f"{reason}; leave {' and '.join(strange)} out")


def _offline(config: Config, wish: Wish) -> dict[str, Any]:
    from streamer.bench.complete_recordings import bench_offline
    from streamer.clients.files import BUNDLED

    model, streams = wish.model or OFFLINE, _streams(wish, OFFLINE_STREAMS)
    return asdict(bench_offline(config, model, streams, wish.seconds, wish.file or BUNDLED, wish.references))


def _running(config: Config, wish: Wish) -> dict[str, Any]:
    """Of a server that runs: what it says it serves tells what its streams bring."""
    from streamer.bench.latency_picture import draw
    from streamer.bench.live_pieces import bench_music_running
    from streamer.bench.live_streams import bench_running
    from streamer.clients.connection import connect
    from streamer.clients.files import BUNDLED, BUNDLED_TEXT

    model, streams = wish.model or LIVE, _streams(wish, LIVE_STREAMS)
    with connect(wish.connect) as connection:
        served = {one.name: one for one in connection.describe().models}
    if model not in served:
        raise ValueError(f"{wish.connect} serves no {model}; there are {', '.join(served) or 'none'}")
    if served[model].input == "generator":
        _refuse(wish, f"{model} reads nothing", "file", "save")
        return asdict(bench_music_running(config, wish.connect, model, streams, wish.seconds))
    file = wish.file or (BUNDLED if served[model].input == "audio" else BUNDLED_TEXT)
    run = bench_running(wish.connect, served[model], streams, wish.seconds, file)
    if wish.save:
        draw([run], wish.save)
    return asdict(run)


def _live(config: Config, wish: Wish) -> dict[str, Any]:
    """Of a server started for it."""
    from streamer.bench.live_pieces import bench_music
    from streamer.clients.files import BUNDLED, BUNDLED_TEXT
    from streamer.models.bundle import catalog
    from streamer.models.bundle.card import read_card
    from streamer.server.served_model import generates

    model, streams = wish.model or LIVE, _streams(wish, LIVE_STREAMS)
    card = read_card(catalog.find(model, config.folders()))
    if generates(card):
        _refuse(wish, f"{model} reads nothing", "file", "search", "references", "save")
        return asdict(bench_music(config, model, streams, wish.seconds))
    if wish.references and not card.front:
        raise WrongCall(f"{model} reads text; --references go with models of sound")
    file = wish.file or (BUNDLED if card.front else BUNDLED_TEXT)
    figures = _runs(config, model, streams, wish, file)
    return figures | _references(config, model, file) if wish.references else figures


def _streams(wish: Wish, usual: int) -> int:
    return usual if wish.streams is None else wish.streams


def _runs(config: Config, model: str, streams: int, wish: Wish, file: Path) -> dict[str, Any]:
    from streamer.bench.latency_picture import draw
    from streamer.bench.live_streams import BenchReport
    from streamer.bench.live_streams import bench as run
    from streamer.bench.search import best
    from streamer.bench.search import search as find

    def told(one: BenchReport) -> None:
        late = "no results" if one.p99_ms is None else f"p99 {one.p99_ms:.0f} ms"
        print(
            f"streamer: {one.streams} streams {'held' if one.held else 'not held'}, {late}", file=sys.stderr
        )

    if wish.search:
        runs = find(config, model, wish.seconds, file, told)
    else:
        runs = [run(config, model, streams, wish.seconds, file)]
    if wish.save:
        draw(runs, wish.save)
    if not wish.search:
        return asdict(runs[0])
    tried = [[one.streams, one.held, one.p50_ms, one.p95_ms, one.p99_ms] for one in runs]
    return asdict(best(runs)) | {"tried": tried}


def _references(config: Config, model: str, file: Path) -> dict[str, float | None]:
    from streamer.bench.live_streams import recording
    from streamer.bench.references import naive_streams

    heard = recording(file)
    return {
        "naive_streams": naive_streams(config, model, *heard),
        "onnx_streams": _onnx_streams(config, model, *heard),
    }


def _onnx_streams(config: Config, model: str, samples: Any, rate_hz: int) -> float | None:
    """None, and a line that says why, where it can't be measured."""
    from streamer.bench.onnx import missing
    from streamer.bench.references import onnx_streams

    if absent := missing():
        print(
            f"streamer: no onnx_streams without more packages: pip install {' '.join(absent)}",
            file=sys.stderr,
        )
        return None
    try:
        return onnx_streams(config, model, samples, rate_hz)
    except ValueError as error:
        print(f"streamer: no onnx_streams: {error}", file=sys.stderr)
        return None


def _show(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    table = Table("figure", "value")
    for key, value in figures.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        for name, one in inner:
            table.add_row(f"{key} {name}".strip(), f"{one:.4g}" if isinstance(one, float) else str(one))
    Console().print(table)
