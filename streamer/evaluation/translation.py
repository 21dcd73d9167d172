"""Evaluation of translations, in both modes, against one reference each."""

from collections.abc import Sequence

from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.translation_scores import (
    average_lagging,
    bleu,
    broken_off,
    by_length,
    kept,
    quality,
    repeats,
    word_by_word,
)
from streamer.models.datasets.sentence_pairs import read_pairs
from streamer.models.datasets.text_files import read_lines
from streamer.offline.translate import Translation, Translator
from streamer.server.loading import load_model

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
    without_references = job.path.name.removesuffix(".gz").endswith(".txt")
    pairs = (
        [(line.strip(), "") for _, line in read_lines(job.path)]
        if without_references
        else read_pairs(job.path)
    )
    pairs = [(source, target) for source, target in pairs if source.split()]
    if not pairs:
        raise ValueError(f"{job.path}: no sentence in it")
    sources, references = [source for source, _ in pairs], [target for _, target in pairs]
    translator = Translator(load_model(job.config, job.model, "translation"), options)
    with Stopwatch() as watch:
        translations = translator.translate([source.split() for source in sources])
    targets = [translation.text for translation in translations]
    figures: Figures = {
        **options,
        "words": sum(len(source.split()) for source in sources),
        "said_words": sum(len(text.split()) for text in targets),
        **(_lagging(sources, translations) if options else {}),
        "repeating": sum(map(repeats, targets, sources)),
        "broken_off": sum(map(broken_off, targets, sources)),
    }
    if not without_references:
        figures |= {
            **quality(references, targets),
            **by_length(sources, references, targets),
            **kept(sources, references, targets),
            "copied_bleu": bleu(references, sources),
            "dictionary_bleu": bleu(references, word_by_word(sources, references)),
        }
    return Measured(len(pairs), 0.0, watch, figures)


def _lagging(sources: Sequence[str], translations: Sequence[Translation]) -> Figures:
    """The mean over sentences that were translated at all."""
    lags = [
        average_lagging(translation.read, len(source.split()))
        for source, translation in zip(sources, translations)
    ]
    known = [lag for lag in lags if lag is not None]
    return {"average_lagging": sum(known) / len(known) if known else None}
