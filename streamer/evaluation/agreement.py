"""Evaluation of agreement: whether the number of the verb that comes next is told, of each row's words."""

from collections.abc import Sequence

from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model, load
from streamer.models.datasets.agreement_rows import NUMBERS, read_rows
from streamer.offline.sentences import Sentences

LENGTHS = (3, 6, 10, 15, 20)  # the most words of each class of rows; longer ones are the last class


def measure(job: Job) -> Measured:
    """`accuracy`, `balanced_accuracy` (the mean over both numbers), and the accuracy by words in a row.

    `majority_accuracy` is that of whoever always says the number that the file has oftener.
    """
    rows = read_rows(job.path)
    network = Sentences(loaded(job))
    with Stopwatch() as watch:
        found = numbers_of(network, [row.words for row in rows])
    gold = [row.number for row in rows]
    right = [one == number for one, number in zip(found, gold)]
    by_number = [
        _mean([hit for hit, one in zip(right, gold) if one == number]) for number in range(len(NUMBERS))
    ]
    figures: Figures = {
        "words": sum(len(row.words) for row in rows),
        "accuracy": _mean(right),
        "balanced_accuracy": _mean([share for share in by_number if share is not None]),
        "majority_accuracy": max(gold.count(number) for number in range(len(NUMBERS))) / len(gold),
    }
    figures |= {f"{name}_accuracy": share for name, share in zip(NUMBERS, by_number)}
    for least, most in zip((0, *LENGTHS), (*LENGTHS, None)):
        hits = [hit for hit, row in zip(right, rows) if least < len(row.words) <= (most or len(row.words))]
        name = f"{least + 1}_to_{most}_words" if most else f"over_{least}_words"
        figures[f"{name}_examples"], figures[f"{name}_accuracy"] = len(hits), _mean(hits)
    return Measured(len(rows), 0.0, watch, figures)


TASK = Task("agreement", {"live": Mode("agreement-lstm", measure)})


def numbers_of(network: Sentences, texts: Sequence[Sequence[str]]) -> list[int]:
    """The number, an index of `NUMBERS`, that the network tells at the end of each text."""
    return [NUMBERS.index(final.alternatives[0].text) for final in network.finals(texts)]


def loaded(job: Job) -> Model:
    """The model that the job names. ValueError for one of another task."""
    model = load(catalog.find(job.model, job.config.folders()), job.config.model(job.model).allow_imports)
    if model.card.task != "agreement":
        raise ValueError(f"{job.model} is a model for {model.card.task}; name one for agreement")
    return model


def _mean(some: Sequence[float]) -> float | None:
    return sum(some) / len(some) if some else None
