"""Evaluation of agreement: the number of the verb that comes next, given the words before it."""

from collections.abc import Sequence

from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.models.datasets.agreement_rows import NUMBERS, read_rows
from streamer.offline.sentences import Sentences
from streamer.server.loading import load_model

LENGTHS = (3, 6, 10, 15, 20)  # the most words of each class of rows; longer ones are the last class


def measure(job: Job) -> Measured:
    """`accuracy`, `balanced_accuracy` (the mean over both numbers), and the accuracy by words in a row.

    `majority_accuracy` is that of always giving the more frequent number of the file.
    """
    rows = read_rows(job.path)
    network = Sentences(load_model(job.config, job.model, "agreement"))
    with Stopwatch() as watch:
        numbers = numbers_of(network, [row.words for row in rows])
    gold = [row.number for row in rows]
    right = [number == wanted for number, wanted in zip(numbers, gold)]
    by_number = [
        _mean([hit for hit, wanted in zip(right, gold) if wanted == number]) for number in range(len(NUMBERS))
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
    """The number, an index of `NUMBERS`, that the network gives at the end of each text, which has words."""
    return [NUMBERS.index(final.alternatives[0].text) for final in network.finals(texts) if final]


def _mean(shares: Sequence[float]) -> float | None:
    return sum(shares) / len(shares) if shares else None
