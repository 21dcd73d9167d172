"""`streamer lab gradients`: how far back an RNN, a GRU and an LSTM of equal size learn, and what comes of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from streamer.config import Config
from streamer.lab.agreement_scores import Score, scores
from streamer.lab.drawing import NAMES
from streamer.lab.exploding import Explosion, explosions
from streamer.lab.intervals import Interval
from streamer.lab.unrolled import Reach, encoded, product_norms, reach
from streamer.lab.watching import DISTANCES, long_rows, watched
from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model, build_network, load
from streamer.models.feeders.encoders import reading
from streamer.models.training.text.agreement_recipes import CELLS
from streamer.models.training.text.agreement_trainer import train_agreement

SENTENCES = 120  # longer than the farthest distance, for medians
PRODUCTS = 4  # sentences whose product of Jacobians is computed in full
MOST = max(DISTANCES)
SENTENCE = "the cat, which already ate the bread near the houses, was full"  # whose gates are drawn

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Course:
    """One training: at each check the updates, the accuracy, and the gradient left by distance."""

    cell: str
    seed: int
    updates: list[int]
    natural: list[float]
    left: dict[int, list[float]]  # by distance


@dataclass(frozen=True)
class Findings:
    """All that is measured; of `parameters` and the reaches each is by cell."""

    seeds: int
    parameters: dict[str, int]
    perplexity: dict[str, float | None]
    untrained: dict[str, Reach]
    trained: dict[str, Reach]
    product: dict[str, list[float]]  # |d s_t / d s_k| by distance, geometric means, trained
    exploding: list[Explosion]
    scores: list[Score]
    courses: list[Course]


def shipped(config: Config) -> dict[str, list[Model]]:
    """The shipped network of each cell."""
    return {cell: [load(catalog.find(f"agreement-{cell}", config.folders()))] for cell in CELLS}


def trained(
    data: Path, runs: Path, seeds: int, updates: int | None, progress: Progress
) -> tuple[dict[str, list[Model]], list[Course]]:
    """Networks of each cell and seed, trained now where `runs` doesn't hold them already, and their courses."""
    models: dict[str, list[Model]] = {cell: [] for cell in CELLS}
    courses = []
    for seed in range(1, seeds + 1):
        for cell in CELLS:
            progress(f"agreement-{cell}, seed {seed}")
            weights = train_agreement(
                data, runs, cell, seed, updates=updates, watch=watched, progress=progress
            )
            models[cell].append(load(weights.parent))
            lines = [json.loads(line) for line in (weights.parent / "log.jsonl").read_text().splitlines()]
            checks = [line | line["scores"] for line in lines if "gradient_at_1" in line["scores"]]
            left = {
                distance: [check[f"gradient_at_{distance}"] for check in checks] for distance in DISTANCES
            }
            updated, natural = ([check[key] for check in checks] for key in ("updates", "natural"))
            courses.append(Course(cell, seed, updated, natural, left))
    return models, courses


def measure(models: Mapping[str, Sequence[Model]], courses: Sequence[Course], progress: Progress) -> Findings:
    """Everything about networks of each cell, those of several seeds side by side."""
    torch.set_num_threads(1)
    rows = long_rows()[:SENTENCES]
    before, after, product, parameters, perplexity = {}, {}, {}, {}, {}
    for cell, some in models.items():
        progress(f"gradients of the {NAMES[cell]}")
        texts = encoded(reading(some[0].card, some[0].folder).encoder, rows)
        card = some[0].card
        parameters[cell] = sum(one.numel() for one in some[0].network.recurrent.parameters())
        perplexity[cell] = card.scores.get("ner_gmb_dev", {}).get("perplexity")
        torch.manual_seed(1)
        fresh = build_network(
            card.network.architecture, card.network.options | {"outputs": card.outputs}
        ).eval()
        before[cell] = reach(fresh, texts, MOST)
        after[cell] = _pooled([reach(model.network, texts, MOST) for model in some])
        cells = [(model.network, x) for model in some for x, _ in texts[:PRODUCTS]]
        norms = [product_norms(net.recurrent.cell, net.inputs(x)[:, -MOST - 1 :, 1:]) for net, x in cells]
        product[cell] = np.exp(np.mean(np.log(np.maximum(norms, 1e-12)), 0)).tolist()
    progress("exploding gradients")
    some = models["rnn"][0]
    exploding = explosions(
        some.card.network.options["words"], encoded(reading(some.card, some.folder).encoder, rows[:40]), MOST
    )
    progress("accuracy by attractors, distance and fillers")
    seeds = len(models["rnn"])
    return Findings(
        seeds, parameters, perplexity, before, after, product, exploding, scores(models), list(courses)
    )


def write(findings: Findings, folder: Path) -> Path:
    """`folder`/gradients.json, with everything that the pictures show."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gradients.json"
    whole = json.loads(json.dumps(asdict(findings)), parse_float=lambda text: float(f"{float(text):.4g}"))
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return path


def show(findings: Findings) -> None:
    """The table, on standard output."""
    names = [NAMES[cell] for cell in CELLS]
    table = Table(
        "sentences", "rows", *names, "LSTM - RNN", title="accuracy of the verb's number, 95 % intervals"
    )
    for score in findings.scores:
        group = f"{score.name} (by rule)" if score.made_by_rule else f"{score.group}: {score.name}"
        cells = [_percent(score.accuracy[cell]) for cell in CELLS]
        table.add_row(group, str(score.rows), *cells, _percent(score.gap))
    Console(width=120).print(table)
    table = Table(
        "gradient left at distance", *names, title="|dL/da_k| over |dL/da_t|, median of long sentences"
    )
    for when, reaches in (("untrained", findings.untrained), ("trained", findings.trained)):
        for distance in DISTANCES:
            table.add_row(
                f"{distance} words, {when}", *(f"{reaches[cell].median[distance]:.2g}" for cell in CELLS)
            )
    for distance in DISTANCES:
        norms = (f"{findings.product[cell][distance]:.2g}" for cell in CELLS)
        table.add_row(f"{distance} words, product of Jacobians", *norms)
    Console(width=120).print(table)


def _pooled(some: Sequence[Reach]) -> Reach:
    """The geometric mean over seeds."""
    columns = (np.exp(np.log(np.array(column)).mean(0)).tolist() for column in list(zip(*some))[1:])
    return Reach(some[0].distance, *columns)


def _percent(one: Interval) -> str:
    return f"{100 * one.mean:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"
