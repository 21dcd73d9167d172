"""The commands that measure: evaluate and bench."""

from pathlib import Path
from typing import TYPE_CHECKING

from streamer.config import read_config
from streamer.errors import WrongCall

if TYPE_CHECKING:
    from streamer.evaluation.captions import Asked


def evaluate(
    config_file: Path | None,
    task: str,
    path: Path,
    model: str | None,
    mode: str,
    as_json: bool,
    chunk_ms: int,
    asked: "Asked",
    spliced: tuple[Path, Path] | None,
    generated: int | None,
    lookahead: int | None,
    baseline: Path | None,
    long: int | None,
) -> None:
    """Score, and show the figures as a table or as one line of JSON."""
    from streamer.evaluation import entities, sentiment
    from streamer.evaluation import evaluate as evaluation
    from streamer.evaluation.captions import PLAIN, captions_mode
    from streamer.evaluation.commands import spliced_mode
    from streamer.evaluation.long_texts import long_mode
    from streamer.evaluation.music import generated_mode

    config = read_config(config_file)
    chosen = evaluation.choose(task, mode)
    if asked != PLAIN:
        if task != "captions":
            raise WrongCall(
                "--joined, --condition, --noise, --first, --calibration, --references and --hot-words go with captions"
            )
        chosen = captions_mode(mode, asked)
    if spliced is not None:
        if (task, mode) != ("commands", "live"):
            raise WrongCall("--spliced SPEECH NOISE goes with commands in mode live")
        chosen = spliced_mode(*spliced)
    if generated is not None:
        if (task, mode) != ("music", "live"):
            raise WrongCall("--generated N goes with music in mode live")
        chosen = generated_mode(generated)
    if baseline is not None:
        compared = {"entities": entities.compared_mode, "sentiment": sentiment.compared_mode}
        if task not in compared:
            raise WrongCall("--baseline TRAIN goes with entities and sentiment")
        chosen = compared[task](mode, baseline)
    if long is not None:
        if (task, mode) != ("summary", "offline"):
            raise WrongCall("--long WORDS goes with summary in mode offline")
        chosen = long_mode(long)
    figures = evaluation.run(task, mode, chosen, path, config, model, chunk_ms, lookahead)
    evaluation.show(figures, as_json)
