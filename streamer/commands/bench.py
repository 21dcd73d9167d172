"""The command that loads a server: how many live streams this machine holds."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from streamer.config import Config, read_config


def bench(
    config_file: Path | None,
    model: str,
    streams: int,
    seconds: float,
    file: Path | None,
    search: bool,
    references: bool,
    save: Path | None,
    as_json: bool,
) -> None:
    """Hold N paced streams for a while, or find how many are held, and report."""
    from clients.files import BUNDLED, BUNDLED_TEXT
    from models import catalog
    from models.card import read_card
    from streamer.bench_music import bench_music
    from streamer.served import generates

    config = read_config(config_file)
    card = read_card(catalog.find(model, config.folders()))
    if generates(card):
        if file or search or references or save:
            raise ValueError(f"{model} reads nothing; leave --file, --search, --references and --save out")
        _show(asdict(bench_music(config, model, streams, seconds)), as_json)
        return
    if references and not card.front:
        raise ValueError(f"{model} reads text; --references go with models of sound")
    file = file or (BUNDLED if card.front else BUNDLED_TEXT)
    figures = _runs(config, model, streams, seconds, file, search, save)
    if references:
        figures |= _references(config, model, file)
    _show(figures, as_json)


def _runs(
    config: Config, model: str, streams: int, seconds: float, file: Path, search: bool, save: Path | None
) -> dict[str, Any]:
    from streamer.bench import BenchReport
    from streamer.bench import bench as run
    from streamer.bench_picture import draw
    from streamer.bench_search import best
    from streamer.bench_search import search as find

    def told(one: BenchReport) -> None:
        late = "no results" if one.p99_ms is None else f"p99 {one.p99_ms:.0f} ms"
        print(f"streamer: {one.streams} streams {'held' if one.held else 'not held'}, {late}", file=sys.stderr)

    runs = find(config, model, seconds, file, told) if search else [run(config, model, streams, seconds, file)]
    if save:
        draw(runs, save)
    if not search:
        return asdict(runs[0])
    tried = [[one.streams, one.held, one.p50_ms, one.p95_ms, one.p99_ms] for one in runs]
    return asdict(best(runs)) | {"tried": tried}


def _references(config: Config, model: str, file: Path) -> dict[str, Any]:
    from streamer.bench import recording
    from streamer.bench_references import naive_streams

    return {"naive_streams": naive_streams(config, model, *recording(file))}


def _show(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    table = Table("figure", "value")
    for key, value in figures.items():
        table.add_row(key, f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)
