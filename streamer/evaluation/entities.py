"""Evaluation of entities, in both modes: on a file's sentences, and on them as captions write them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from streamer.evaluation.entity_scores import EntityScores, entity_scores, tags_of
from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.text_baselines import tagged_by_features, tagged_by_names
from streamer.models.datasets.tagged import read_conll, strip
from streamer.models.text.words import read_kinds
from streamer.models.training.text.entities_recipes import NAMES
from streamer.offline.sentences import Sentences
from streamer.server.loading import load_model

LOOKAHEAD = 1  # words that a live network waits for where the command names none

Tagged = tuple[list[str], list[str]]  # words and tags
Tagger = Callable[[Sequence[list[str]]], list[list[str]]]  # from the words of sentences to their tags


def live(job: Job, train: Path | None = None) -> Measured:
    """`f1`, `precision`, `recall` and these by type, with `--lookahead` words of waiting.

    Beside them stand those of capitals and a list of names, and where `train` is given, of a plain
    method that learns from it.
    """
    return _measured(job, {"lookahead": LOOKAHEAD if job.lookahead is None else job.lookahead}, train)


def offline(job: Job, train: Path | None = None) -> Measured:
    """The same figures, of a network that sees whole sentences."""
    return _measured(job, {}, train)


MODES = {"live": ("entities-en", live), "offline": ("entities-en-offline", offline)}
TASK = Task("entities", {name: Mode(*mode) for name, mode in MODES.items()})


def compared_mode(name: str, train: Path) -> Mode:
    """The mode of that name beside a plain method that learns from the file `train`."""
    model, measure = MODES[name]
    return Mode(model, partial(measure, train=train))


def _measured(job: Job, options: dict[str, int], train: Path | None) -> Measured:
    network = Sentences(load_model(job.config, job.model, "entities"), options)
    sentences = [sentence for sentence in read_conll(job.path) if sentence[0]]
    if not any(tag != "O" for _, tags in sentences for tag in tags):
        raise ValueError(f"{job.path}: no word is tagged as an entity")
    stripped = [sentence for sentence in (strip(*tagged) for tagged in sentences) if sentence[0]]
    with Stopwatch() as watch:
        scores = _scores(partial(_tagged, network), sentences)
    bare = _scores(partial(_tagged, network), stripped)
    by_names = partial(tagged_by_names, read_kinds(NAMES, "names"))
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
        "names_f1": _scores(by_names, sentences).f1,
        "names_stripped_f1": _scores(by_names, stripped).f1,
    }
    if train:
        known = read_conll(train)
        known_stripped = [strip(*sentence) for sentence in known]
        figures["baseline_f1"] = _scores(partial(tagged_by_features, known), sentences).f1
        figures["baseline_stripped_f1"] = _scores(partial(tagged_by_features, known_stripped), stripped).f1
    return Measured(len(sentences), 0.0, watch, figures)


def _scores(tagger: Tagger, sentences: Sequence[Tagged]) -> EntityScores:
    return entity_scores([tags for _, tags in sentences], tagger([words for words, _ in sentences]))


def _tagged(network: Sentences, texts: Sequence[list[str]]) -> list[list[str]]:
    finals = network.finals(texts)
    return [
        tags_of(words, final.alternatives[0].words if final else ()) for words, final in zip(texts, finals)
    ]
