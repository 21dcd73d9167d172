"""`streamer lab gradients`: how far back an RNN, a GRU and an LSTM of equal size learn, and its effects."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from streamer.config import Config
from streamer.lab import sample
from streamer.lab.agreement_scores import Score, scores
from streamer.lab.drawing import NAMES
from streamer.lab.exploding import Explosion, explosions
from streamer.lab.intervals import Interval
from streamer.lab.memory import perplexity
from streamer.lab.rounded_json import write_json
from streamer.lab.unrolled import Reach, agreement_network, encoded, product_norms, reach, words_encoder
from streamer.models.bundle.build import Model, build_network, load
from streamer.models.card import Card
from streamer.models.datasets.agreement_rows import AgreementRow
from streamer.models.networks.agreement_network import AgreementLive
from streamer.models.text.words import WordsEncoder
from streamer.models.training.text.agreement_recipes import CELLS
from streamer.models.training.text.agreement_trainer import train_agreement
from streamer.server.loading import load_model

DISTANCES = (1, 2, 4, 8, 16, 24)  # words
WATCHED = 60  # sentences, at each check of a training
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
    perplexity: dict[str, float | str | None]
    untrained: dict[str, Reach]
    trained: dict[str, Reach]
    product: dict[str, list[float]]  # |d s_t / d s_k| by distance, geometric means, trained
    exploding: list[Explosion]
    scores: list[Score]
    courses: list[Course]


def shipped(config: Config) -> dict[str, list[Model]]:
    """The shipped network of each cell."""
    return {cell: [load_model(config, f"agreement-{cell}")] for cell in CELLS}


def trained(
    data: Path, runs: Path, seeds: int, updates: int | None, progress: Progress
) -> tuple[dict[str, list[Model]], list[Course]]:
    """Networks of each cell and seed, trained where `runs` doesn't hold them yet, and their courses."""
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


def watched(words: Sequence[str], network: AgreementLive) -> dict[str, float]:
    """The share of the gradient left at each of `DISTANCES`: medians, keys `gradient_at_D`."""
    # A training checks its network where gradients are forbidden.
    with torch.inference_mode(False):
        left = reach(network, encoded(WordsEncoder(words), long_rows()[:WATCHED]), MOST)
    return {f"gradient_at_{distance}": left.median[distance] for distance in DISTANCES}


def long_rows() -> list[AgreementRow]:
    """The shipped rows that are longer than the farthest distance."""
    rows = sample.rows("natural") + sample.rows("1attractor")
    return [row for row in rows if len(row.words) > MOST]


def measure(models: Mapping[str, Sequence[Model]], courses: Sequence[Course], progress: Progress) -> Findings:
    """Everything about networks of each cell, those of several seeds side by side."""
    torch.set_num_threads(1)
    rows = long_rows()[:SENTENCES]
    before, after, product, parameters, perplexities = {}, {}, {}, {}, {}
    for cell, seeds in models.items():
        progress(f"gradients of the {NAMES[cell]}")
        card, texts = seeds[0].card, encoded(words_encoder(seeds[0]), rows)
        networks = [agreement_network(model) for model in seeds]
        parameters[cell] = sum(weight.numel() for weight in networks[0].recurrent.parameters())
        perplexities[cell] = perplexity(seeds[0])
        before[cell] = reach(_untrained(card), texts, MOST)
        after[cell] = _pooled([reach(network, texts, MOST) for network in networks])
        norms = [
            product_norms(network.recurrent.cell, network.inputs(x)[:, -MOST - 1 :, 1:])
            for network in networks
            for x, _ in texts[:PRODUCTS]
        ]
        product[cell] = np.exp(np.mean(np.log(np.maximum(norms, 1e-12)), 0)).tolist()
    progress("exploding gradients")
    rnn = models["rnn"][0]
    texts = encoded(words_encoder(rnn), rows[:40])
    exploding = explosions(rnn.card.network.options["words"], texts, MOST)
    progress("accuracy by attractors, distance and fillers")
    return Findings(
        seeds=len(models["rnn"]),
        parameters=parameters,
        perplexity=perplexities,
        untrained=before,
        trained=after,
        product=product,
        exploding=exploding,
        scores=scores(models),
        courses=list(courses),
    )


def _untrained(card: Card) -> AgreementLive:
    torch.manual_seed(1)
    network = build_network(card.network.architecture, card.network.options | {"outputs": card.outputs})
    if not isinstance(network, AgreementLive):
        raise ValueError(f"{card.network.architecture} is no network of agreement")
    return network.eval()


def write(findings: Findings, folder: Path) -> Path:
    """`folder`/gradients.json, with everything that the pictures show."""
    return write_json(asdict(findings), folder / "gradients.json")


def show(findings: Findings) -> None:
    """The table, on standard output."""
    names = [NAMES[cell] for cell in CELLS]
    title = "accuracy of the verb's number, 95 % intervals"
    table = Table("sentences", "rows", *names, "LSTM - RNN", title=title)
    for score in findings.scores:
        group = f"{score.name} (by rule)" if score.made_by_rule else f"{score.group}: {score.name}"
        cells = [_percent(score.accuracy[cell]) for cell in CELLS]
        table.add_row(group, str(score.rows), *cells, _percent(score.gap))
    Console(width=120).print(table)
    title = "|dL/da_k| over |dL/da_t|, median of long sentences"
    table = Table("gradient left at distance", *names, title=title)
    for when, reaches in (("untrained", findings.untrained), ("trained", findings.trained)):
        for distance in DISTANCES:
            medians = (f"{reaches[cell].median[distance]:.2g}" for cell in CELLS)
            table.add_row(f"{distance} words, {when}", *medians)
    for distance in DISTANCES:
        norms = (f"{findings.product[cell][distance]:.2g}" for cell in CELLS)
        table.add_row(f"{distance} words, product of Jacobians", *norms)
    Console(width=120).print(table)


def _pooled(reaches: Sequence[Reach]) -> Reach:
    """The geometric mean over seeds."""
    columns = (np.exp(np.log(np.array(column)).mean(0)).tolist() for column in list(zip(*reaches))[1:])
    return Reach(reaches[0].distance, *columns)


def _percent(accuracy: Interval) -> str:
    return f"{100 * accuracy.mean:.1f} [{100 * accuracy.low:.1f}, {100 * accuracy.high:.1f}]"
