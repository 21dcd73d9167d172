"""`streamer train average`: one file of weights from several."""

from dataclasses import dataclass
from pathlib import Path

from streamer.cli.command import argument
from streamer.cli.options import Configured
from streamer.errors import WrongCall


@dataclass(frozen=True, kw_only=True)
class Average(Configured):
    """Weights to average."""

    out: Path = argument("OUT", "The file of weights to write.", dir_okay=False)
    weights: list[Path] = argument("WEIGHTS", "Two or more, of trainings that began from one another.")


def average(options: Average) -> None:
    """Write the mean of some weights."""
    from streamer.models.training.average import average as average_weights

    options.settings()  # nothing in it is about weights, but every command refuses a wrong one
    if len(options.weights) < 2:
        raise WrongCall("train average has one file of weights; give two or more")
    average_weights(options.out, options.weights)
    print(options.out)
