"""The command that finds a captions card's options: tune."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from streamer.config import read_config
from streamer.errors import WrongCall


def tune(
    config_file: Path | None,
    paths: Sequence[Path],
    model: str,
    weights: Path | None,
    first: int | None,
    tries: Sequence[str],
) -> None:
    """Tell every try on standard error, and the lines for the card's [reader] on standard output."""
    import torch

    from streamer.evaluation.evaluate import progress
    from streamer.evaluation.tuning import GRID, Tried, Tuning, spoken
    from streamer.models.bundle import catalog
    from streamer.models.bundle.build import load, read_weights

    config, grid = read_config(config_file), _grid(tries) or GRID
    torch.set_num_threads(config.engine.threads)
    folder = Path(model) if (Path(model) / "card.toml").is_file() else catalog.find(model, config.folders())
    network = load(folder, config.model(model).allow_imports)
    if weights:
        network.network.load_state_dict(read_weights(weights, network.network.state_dict()))
    with progress(f"hearing {len(paths)} sets") as told:
        tuning = Tuning(network, spoken(network, paths, first, told))

    def tell(options: dict, tried: Tried) -> None:
        sets = " ".join(f"{Path(name).parent.name} {wer:.4f}" for name, wer in tried.wer.items())
        changes = " ".join(f"{name} {value:g}" for name, value in options.items()) or "as it is"
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
    for one in tries:
        name, equals, values = one.partition("=")
        try:
            # A count stays a whole number: a card takes no beam of 64.0.
            numbers = tuple(float(v) if "." in v or "e" in v else int(v) for v in values.split(","))
        except ValueError:
            numbers = ()
        if not (name and equals and numbers):
            raise WrongCall(f"--try {one!r}; write NAME=VALUE,VALUE")
        grid[name] = numbers
    return grid
