"""Summaries of long texts: abstracts joined, and how much of their titles a summary still says."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from rouge_score.rouge_scorer import RougeScorer

from streamer.errors import WrongCall
from streamer.evaluation.job import Figures, Job, Measured, Mode
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.summary_files import Paper, read_rows
from streamer.models.text.words import split_words
from streamer.offline.sentences import Sentences
from streamer.offline.summarize import SHARE, summarize
from streamer.server.loading import load_model

MODEL = "compress-en-offline"

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def joined(job: Job, words: int) -> Measured:
    """`title_recall`: the share of the titles' words in the summary, beside that in as many first words.

    Each text is as many abstracts as reach `words` words; `share` is what is left of it.
    """
    rows = read_rows(job.path)
    if not isinstance(rows[0], Paper):
        raise ValueError(f"{job.path}: --long joins abstracts; name a file that holds abstract and title")
    network = Sentences(load_model(job.config, job.model))
    scorer = RougeScorer(["rouge1"])
    total = kept = 0
    recall = first_recall = 0.0
    texts = list(_texts(rows, words))
    with Stopwatch() as watch:
        for papers in texts:
            sentences = [
                split_words(text) for paper in papers for text in _SENTENCE_END.split(paper.abstract)
            ]
            most_words = SHARE * sum(len(paper.abstract.split()) for paper in papers)
            summary = [word for chosen in summarize(sentences, network, most_words) for word in chosen.words]
            every = [word for sentence in sentences for word in sentence]
            titles, first = " ".join(paper.title for paper in papers), every[: len(summary)]
            recall += scorer.score(titles, " ".join(summary))["rouge1"].recall / len(texts)
            first_recall += scorer.score(titles, " ".join(first))["rouge1"].recall / len(texts)
            total, kept = total + len(every), kept + len(summary)
    figures: Figures = {
        "joined_words": words,
        "words": total,
        "largest_share": SHARE,
        "share": kept / total,
        "title_recall": recall,
        "first_words_title_recall": first_recall,
    }
    return Measured(len(texts), 0.0, watch, figures)


def long_mode(words: int) -> Mode:
    """The mode that joins abstracts to texts of `words` words. ValueError for fewer than one."""
    if words < 1:
        raise WrongCall(f"--long {words}; a text has at least one word")
    return Mode(MODEL, partial(joined, words=words))


def _texts(rows: Sequence[Paper], words: int) -> Iterator[list[Paper]]:
    """The papers in their order, joined until they reach `words` words; a rest that doesn't is left out."""
    papers: list[Paper] = []
    count = 0
    for row in rows:
        papers.append(row)
        count += len(split_words(row.abstract))
        if count >= words:
            yield papers
            papers, count = [], 0
