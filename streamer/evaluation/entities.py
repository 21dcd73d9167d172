"""Evaluation of entities, in both modes: on a file's sentences, and on them as captions write them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from streamer.evaluation.entity_scores import EntityScores, entity_scores, tags_of
from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.text_baselines import tagged_by_features, tagged_by_names
from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model, load
from streamer.models.datasets.tagged import read_conll, strip
from streamer.models.text.words import read_kinds
from streamer.models.training.text.entities_recipes import NAMES
from streamer.offline.sentences import Sentences

LOOKAHEAD = 1  # words that a live network waits for where the command names none

Tagged = tuple[list[str], list[str]]  # words and tags


def live(job: Job, train: Path | None = None) -> Measured:
    """`f1`, `precision`, `recall` and these by type, with `--lookahead` words of waiting.

    Beside them stand those of capitals and a list of names, and where `train` is given, of a plain
    method that learns from it.
    """
    lookahead = LOOKAHEAD if job.lookahead is None else job.lookahead
    network = Sentences(_loaded(job), {"lookahead": lookahead})
    return _measured(job, network, {"lookahead": lookahead}, train)


def offline(job: Job, train: Path | None = None) -> Measured:
    """The same figures, of a network that sees whole sentences."""
    return _measured(job, Sentences(_loaded(job)), {}, train)


TASK = Task("entities", {"live": Mode("entities-en", live), "offline": Mode("entities-en-offline", offline)})


def compared_mode(name: str, train: Path) -> Mode:
    """The mode of that name beside a plain method that learns from the file `train`."""
    mode = TASK.modes[name]
    return Mode(mode.model, partial(mode.measure, train=train))


def _measured(job: Job, network: Sentences, options: Figures, train: Path | None) -> Measured:
    sentences = [one for one in read_conll(job.path) if one[0]]
    if not any(tag != "O" for _, tags in sentences for tag in tags):
        raise ValueError(f"{job.path}: no word is tagged as an entity")
    stripped = [one for one in (strip(*one) for one in sentences) if one[0]]
    with Stopwatch() as watch:
        scores = _scores(network, sentences)
    bare = _scores(network, stripped)
    figures: Figures = {
        **options,
        "words": sum(len(words) for words, _ in sentences),
        "f1": scores.f1,
        "precision": scores.precision,
        "recall": scores.recall,
        **{f"{kind}_{key}": value for kind, keys in scores.by_type.items() for key, value in keys.items()},
        "dropped_spans": scores.dropped,
        "stripped_f1": bare.f1,
        "stripped_precision": bare.precision,
        "stripped_recall": bare.recall,
        **_named(sentences, stripped),
        **(_baseline(train, sentences, stripped) if train else {}),
    }
    return Measured(len(sentences), 0.0, watch, figures)


def _scores(network: Sentences, sentences: Sequence[Tagged]) -> EntityScores:
    finals = network.finals([words for words, _ in sentences])
    found = [
        tags_of(words, final.alternatives[0].words if final else ())
        for (words, _), final in zip(sentences, finals)
    ]
    return entity_scores([tags for _, tags in sentences], found)


def _named(sentences: Sequence[Tagged], stripped: Sequence[Tagged]) -> Figures:
    """What capitals and a list of names tell."""
    kinds, figures = read_kinds(NAMES, "names"), {}
    for name, some in ("names_f1", sentences), ("names_stripped_f1", stripped):
        found = tagged_by_names(kinds, [words for words, _ in some])
        figures[name] = entity_scores([tags for _, tags in some], found).f1
    return figures


def _baseline(path: Path, sentences: Sequence[Tagged], stripped: Sequence[Tagged]) -> Figures:
    """A regression on features of the words, which learns from the sentences of `path`."""
    train = read_conll(path)
    figures: Figures = {}
    for name, some, learnt in (
        ("baseline_f1", sentences, train),
        ("baseline_stripped_f1", stripped, [strip(*one) for one in train]),
    ):
        found = tagged_by_features(learnt, [words for words, _ in some])
        figures[name] = entity_scores([tags for _, tags in some], found).f1
    return figures


def _loaded(job: Job) -> Model:
    model = load(catalog.find(job.model, job.config.folders()), job.config.model(job.model).allow_imports)
    if model.card.task != "entities":
        raise ValueError(f"{job.model} is a model for {model.card.task}; name one for entities")
    return model
