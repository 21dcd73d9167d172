"""The command that finds a captions card's options: tune."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.cli.command import argument, option
from streamer.cli.options import Configured, existing
from streamer.config import with_model
from streamer.errors import WrongCall


@dataclass(frozen=True, kw_only=True)
class Tune(Configured):
    """A captions network, the dev sets that it is tuned on, and what is tried."""

    paths: list[Path] = argument("PATHS", "The dev sets: SPLIT.manifest.jsonl of each.", check=existing)
    model: str = option("captions-en", "MODEL", "A captions network's name, or its folder.")
    weights: Path | None = option(
        None, "FILE", "Use these weights instead of the model's own.", check=existing
    )
    first: int | None = option(None, "N", "Use only the first N recordings of each set.", min=1)
    tries: list[str] | None = option(
        None,
        "NAME=V,V",
        "Try these values of an option of the card; may be given again.",
        name="--try",
        usual="the usual ones",
    )


def tune(options: Tune) -> None:
    """Print every try on standard error, and the lines for the card's [reader] on standard output."""
    import torch

    from streamer.evaluation.evaluate import progress
    from streamer.evaluation.tuning import GRID, Trial, Tuning, spoken
    from streamer.models.bundle import catalog
    from streamer.models.bundle.build import load

    config, name = with_model(options.settings(), options.model)
    grid = _grid(options.tries or ()) or GRID
    torch.set_num_threads(config.engine.threads)
    model = load(catalog.find(name, config.folders()), config.model(name).imports(), options.weights)
    with progress(f"hearing {len(options.paths)} sets") as report:
        tuning = Tuning(model, spoken(model, options.paths, options.first, report))

    def tell(values: dict[str, Any], tried: Trial) -> None:
        sets = " ".join(f"{Path(name).parent.name} {wer:.4f}" for name, wer in tried.wer.items())
        changes = " ".join(f"{name} {value:g}" for name, value in values.items()) or "as it is"
        print(
            f"{changes}: mean WER {tried.mean:.4f} ({sets}), search {tried.search_ms:.2f} ms a second",
            file=sys.stderr,
            flush=True,
        )

    best, _ = tuning.search(grid, tell)
    best |= tuning.timed(best)
    best |= tuning.calibrated(best)
    for name, value in best.items():
        print(f"{name} = {json.dumps(value)}")


def _grid(tries: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """ "NAME=1,2.5" as the values to try of NAME. ValueError, one line, for anything else."""
    grid = {}
    for text in tries:
        name, equals, values = text.partition("=")
        try:
            # A count stays a whole number: a card takes no beam of 64.0.
            numbers = tuple(float(v) if "." in v or "e" in v else int(v) for v in values.split(","))
        except ValueError:
            numbers = ()
        if not (name and equals and numbers):
            raise WrongCall(f"--try {text!r}; write NAME=VALUE,VALUE")
        grid[name] = numbers
    return grid
