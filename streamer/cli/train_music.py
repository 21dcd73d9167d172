"""`streamer train music`: goes on where its last run ended, and prints the path of the weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamer.cli.command import option
from streamer.cli.train_options import SEED, TunedTraining


@dataclass(frozen=True, kw_only=True)
class MusicTraining(TunedTraining):
    """A training of a network that knows music."""

    out: Path = option(Path("runs/music"), "DIR", "Where checkpoints, logs and weights go.", file_okay=False)
    style: Literal["chorale", "folk", "roll-jsb", "roll-nottingham"] = option(
        "chorale",
        "STYLE",
        "A composer (chorale, folk), or a scorer of piano rolls (roll-jsb, roll-nottingham).",
    )
    endings: int = option(0, "ROWS", "Add the ends of this many pieces to each batch.", min=0)
    seed: int = option(1, "SEED", SEED, min=0)


def music(run: MusicTraining) -> None:
    """Train the network of a style."""
    from streamer.models.training.music.music_trainer import train_music

    best = train_music(
        run.data,
        run.out,
        run.style,
        seed=run.seed,
        learning_rate=run.rate,
        start=run.start,
        endings=run.endings,
        **run.steps("music"),
    )
    print(best)
