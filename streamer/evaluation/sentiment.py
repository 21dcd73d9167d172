"""Evaluation of sentiment, in both modes: the verdict after a text's last word."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from math import log
from pathlib import Path

from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.text_baselines import judged_by_words
from streamer.models.datasets.opinions import read_labelled
from streamer.models.readers import Event
from streamer.models.text.clitics import clitics, whole
from streamer.models.text.tokens import SentenceEnd, Tokens
from streamer.offline.sentences import Sentences
from streamer.server.loading import load_model

LEAST = 1e-6  # probability

_GLUED = re.compile(r"\w[.,!?](?:\s|$)")  # a sign at a word's end: nobody has put spaces between them


def measure(job: Job, train: Path | None = None) -> Measured:
    """`accuracy` of two classes, or of five where a label is above 1.

    Of several sentences all verdicts count together. Beside it stands that of the most frequent
    class, and a plain method's, trained on `train`, if given.
    """
    rows = read_labelled(job.path)
    if not rows:
        raise ValueError(f"{job.path}: holds no rows")
    labels = [label for label, _ in rows]
    model = load_model(job.config, job.model, "sentiment")
    count = 2 if max(labels) < 2 else max(labels) + 1
    classes = next((head for head in model.card.labels.values() if len(head) == count), None)
    if classes is None:
        raise ValueError(f"{job.path}: labels from 0 to {max(labels)}; {job.model} has no head for these")
    network = Sentences(model, {"classes": count})
    texts = [text for _, text in rows]
    running = sum(bool(_GLUED.search(text)) for text in texts) > len(texts) / 2
    parts = [(row, part) for row, text in enumerate(texts) for part in _sentences(text, running)]
    with Stopwatch() as watch:
        finals = network.finals([part for _, part in parts])
    by_row: list[list[Event]] = [[] for _ in rows]
    for (row, _), final in zip(parts, finals):
        if final:
            by_row[row].append(final)
    verdicts = [_verdict(events, classes) for events in by_row]
    figures: Figures = {
        "classes": count,
        "words": sum(len(part) for _, part in parts),
        "sentences": len(parts),
        "accuracy": _share(labels, verdicts),
        "most_frequent_accuracy": _share(labels, [Counter(labels).most_common(1)[0][0]] * len(labels)),
    }
    if train:
        figures["baseline_accuracy"] = _share(labels, judged_by_words(read_labelled(train), texts))
    return Measured(len(rows), 0.0, watch, figures)


TASK = Task(
    "sentiment", {"live": Mode("sentiment-en", measure), "offline": Mode("sentiment-en-offline", measure)}
)


def compared_mode(name: str, train: Path) -> Mode:
    """The mode of that name beside a plain method that learns from the file `train`."""
    return Mode(TASK.modes[name].model, partial(measure, train=train))


def _sentences(text: str, running: bool) -> list[list[str]]:
    """The words of each sentence as a stream of text finds them."""
    tokens = Tokens("plain" if running else "spaced")
    sentences: list[list[str]] = [[]]
    for token in tokens.feed(text.encode()) + tokens.end_text():
        if isinstance(token, SentenceEnd):
            sentences.append([])
        else:
            sentences[-1] += [word.text for word in (clitics(token) if running else whole(token))]
    return [sentence for sentence in sentences if sentence]


def _verdict(finals: Sequence[Event], classes: Sequence[str]) -> int:
    """The number of the class whose log-probabilities, summed over the finals, are the highest."""
    total = dict.fromkeys(classes, 0.0)
    for final in finals:
        for verdict in final.alternatives:
            total[verdict.text] += log(max(verdict.confidence, LEAST))
    return list(classes).index(max(total, key=lambda name: total[name]))


def _share(labels: Sequence[int], verdicts: Sequence[int]) -> float:
    return sum(label == verdict for label, verdict in zip(labels, verdicts, strict=True)) / len(labels)
