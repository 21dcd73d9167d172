"""Evaluation of translations, in both modes, against one reference each."""

import gzip
from collections.abc import Sequence
from pathlib import Path

from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.translation_scores import (
    average_lagging,
    bleu,
    broken_off,
    by_length,
    quality,
    repeats,
    word_by_word,
)
from streamer.models.bundle import catalog
from streamer.models.bundle.build import load
from streamer.models.datasets.sentence_pairs import read_pairs
from streamer.offline.translate import Translation, Translator

LOOKAHEAD = 3  # words that a live translation waits for where the command names none


def live(job: Job) -> Measured:
    """`bleu`, `chrf` and `average_lagging`, waiting for `--lookahead` words.

    Of a .txt, a text a line without references, only how many go in circles or break off.
    A live network gives the same however its input is cut, so no stream is opened for it.
    """
    lookahead = LOOKAHEAD if job.lookahead is None else job.lookahead
    return _measured(job, {"lookahead": lookahead})


def offline(job: Job) -> Measured:
    """`bleu` and `chrf` of a network that sees whole sentences."""
    return _measured(job, {})


TASK = Task(
    "translation",
    {"live": Mode("translate-en-de", live), "offline": Mode("translate-en-de-offline", offline)},
)


def _measured(job: Job, options: dict[str, int]) -> Measured:
    alone = job.path.name.removesuffix(".gz").endswith(".txt")
    pairs = [(line, "") for line in _lines(job.path)] if alone else read_pairs(job.path)
    pairs = [(source, target) for source, target in pairs if source.split()]
    if not pairs:
        raise ValueError(f"{job.path}: no sentence in it")
    sources, references = [source for source, _ in pairs], [target for _, target in pairs]
    model = load(catalog.find(job.model, job.config.folders()), job.config.model(job.model).allow_imports)
    if model.card.task != "translation":
        raise ValueError(f"{job.model} is a model for {model.card.task}; name one for translation")
    translator = Translator(model, options)
    with Stopwatch() as watch:
        told = translator.translate([source.split() for source in sources])
    said = [one.text for one in told]
    figures: Figures = {
        **options,
        "words": sum(len(source.split()) for source in sources),
        "said_words": sum(len(text.split()) for text in said),
        **(_lagging(sources, told) if options else {}),
        "repeating": sum(map(repeats, said, sources)),
        "broken_off": sum(map(broken_off, said, sources)),
    }
    if not alone:
        figures |= {
            **quality(references, said),
            **by_length(sources, references, said),
            "copied_bleu": bleu(references, sources),
            "dictionary_bleu": bleu(references, word_by_word(sources, references)),
        }
    return Measured(len(pairs), 0.0, watch, figures)


def _lines(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="\n") as lines:
        return [line.strip() for line in lines]


def _lagging(sources: Sequence[str], told: Sequence[Translation]) -> Figures:
    """The mean over sentences that were translated at all."""
    found = [average_lagging(one.read, len(source.split())) for source, one in zip(sources, told)]
    known = [value for value in found if value is not None]
    return {"average_lagging": sum(known) / len(known) if known else None}
