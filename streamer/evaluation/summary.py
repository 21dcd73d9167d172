"""Evaluation of summaries: words kept of sentences, in both modes, and titles of abstracts, offline."""

import re
from collections.abc import Sequence
from dataclasses import asdict

from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.summary_files import Compression, Paper, read_rows
from streamer.evaluation.summary_scores import Kept, kept_scores, title_scores
from streamer.models.readers import Event
from streamer.models.text.words import split_words
from streamer.offline.sentences import Headlines, Sentences
from streamer.server.loading import load_model

LOOKAHEAD = 2  # words that a live summary waits for where the command names none
FIRST_SHARE = 0.6  # of a sentence: the first words that score best, on sentence_compression's train
FIRST_WORDS = 10  # of an abstract

_FIRST_SENTENCE = re.compile(r".*?[.!?](?=\s|$)", re.DOTALL)


def live(job: Job) -> Measured:
    """`f1` of kept words with `--lookahead` words of waiting, the network stepped over whole sentences.

    A live network gives the same however its input is cut, so no stream is opened for it.
    """
    rows = read_rows(job.path)
    if isinstance(rows[0], Paper):
        raise ValueError(f"{job.path}: titles are written from whole abstracts; use --mode offline")
    lookahead = LOOKAHEAD if job.lookahead is None else job.lookahead
    return _kept(job, rows, "compress-en", {"lookahead": lookahead})


def offline(job: Job) -> Measured:
    """`f1` of kept words, or where the file holds abstracts `rouge1`, `rouge2` and `rougeL` of titles."""
    rows = read_rows(job.path)
    if isinstance(rows[0], Paper):
        return _titles(job, rows)
    return _kept(job, rows, "compress-en-offline", {})


TASK = Task("summary", {"live": Mode("", live), "offline": Mode("", offline)})


def _kept(job: Job, rows: Sequence[Compression], usual: str, options: dict[str, int]) -> Measured:
    """Figures beside those of keeping all words, and of keeping the first ones."""
    labelled = [row for row in rows if row.labels is not None]
    if not labelled:
        raise ValueError(f"{job.path}: no row has labels")
    name = job.model or usual
    network = Sentences(load_model(job.config, name, "summary"), options)
    with Stopwatch() as watch:
        finals = network.finals([row.tokens for row in labelled])
    references = [row.labels for row in labelled if row.labels is not None]
    kept = [_flags(row.tokens, final) for row, final in zip(labelled, finals)]
    every = [[1] * len(row.tokens) for row in labelled]
    first = [[int(at < FIRST_SHARE * len(words)) for at in range(len(words))] for words in every]
    figures: Figures = {
        "model": name,
        **options,
        "words": sum(map(len, every)),
        "without_labels": len(rows) - len(labelled),
        **asdict(kept_scores(references, kept)),
        **_beside("keep_all", kept_scores(references, every)),
        **_beside("first_words", kept_scores(references, first)),
    }
    return Measured(len(labelled), 0.0, watch, figures)


def _titles(job: Job, rows: Sequence[Paper]) -> Measured:
    """ROUGE beside that of the abstract's first sentence, and of its first words."""
    name = job.model or "headline-en"
    headlines = Headlines(load_model(job.config, name, "headline"))
    with Stopwatch() as watch:
        written = headlines.write([row.abstract for row in rows])
    titles = [row.title for row in rows]
    sentences = [(_FIRST_SENTENCE.match(row.abstract) or [row.abstract])[0] for row in rows]
    words = [" ".join(split_words(row.abstract)[:FIRST_WORDS]) for row in rows]
    figures: Figures = {
        "model": name,
        "words": sum(len(split_words(row.abstract)) for row in rows),
        **title_scores(titles, written),
        **{f"first_sentence_{name}": score for name, score in title_scores(titles, sentences).items()},
        **{f"first_words_{name}": score for name, score in title_scores(titles, words).items()},
    }
    return Measured(len(rows), 0.0, watch, figures)


def _flags(tokens: Sequence[str], final: Event | None) -> list[int]:
    """1 for each token that the final keeps, found by where it begins."""
    begins = {round(word.start) for word in final.alternatives[0].words} if final else set()
    flags, at = [], 0
    for token in tokens:
        flags.append(int(at in begins))
        at += len(token.encode()) + 1
    return flags


def _beside(name: str, scores: Kept) -> Figures:
    return {f"{name}_f1": scores.f1, f"{name}_compression": scores.compression}
