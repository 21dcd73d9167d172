"""How often each kind of network gives the verb's number: on real sentences and on those made by rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from streamer.evaluation.agreement import numbers_of
from streamer.lab import sample, templates
from streamer.lab.intervals import Interval, gap, interval
from streamer.models.bundle.build import Model
from streamer.models.datasets.agreement_rows import AgreementRow
from streamer.offline.sentences import Sentences

DISTANCES = (1, 3, 6, 10)  # the most words from subject to verb in each class
TEMPLATE_ROWS = 200
SEED = 1


@dataclass(frozen=True)
class Score:
    """One condition: rows of a group, at `at` (attractors, fillers or words), and each cell's accuracy."""

    group: str
    made_by_rule: bool
    at: int
    name: str
    rows: int
    accuracy: dict[str, Interval]  # by cell
    gap: Interval  # of the LSTM over the RNN


def scores(models: Mapping[str, Sequence[Model]]) -> list[Score]:
    """Every condition's score; `models` are by cell the networks of its seeds."""
    networks = {cell: [Sentences(model) for model in of_cell] for cell, of_cell in models.items()}
    results = []
    for group, by_rule, at, name, rows in _conditions():
        gold, texts = [row.number for row in rows], [row.words for row in rows]
        hits = {
            cell: [[a == b for a, b in zip(numbers_of(network, texts), gold)] for network in seeds]
            for cell, seeds in networks.items()
        }
        accuracy = {cell: interval(by_seed) for cell, by_seed in hits.items()}
        results.append(Score(group, by_rule, at, name, len(rows), accuracy, gap(hits["lstm"], hits["rnn"])))
    return results


def _conditions() -> Iterator[tuple[str, bool, int, str, list[AgreementRow]]]:
    yield "dev", False, 0, "natural mixture", sample.rows("natural")
    yield "dev", False, 1, "one attractor", sample.rows("1attractor")
    distant = sample.distant_rows()
    for least, most in zip((0, *DISTANCES), (*DISTANCES, None)):
        rows = [row for distance, row in distant if least < distance <= (most or distance)]
        name = f"{least + 1} to {most} words" if most else f"over {least} words"
        yield "distance", False, most or DISTANCES[-1] + 4, "next word" if most == 1 else name, rows
    for count in range(templates.MOST + 1):
        for group in (templates.attractors, templates.agreeing, templates.fillers):
            yield group.__name__, True, count, f"{count} {group.__name__}", group(count, TEMPLATE_ROWS, SEED)
