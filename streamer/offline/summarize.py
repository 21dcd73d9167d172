"""The summary of a long text: its central sentences, none of them twice, each shortened."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamer.models.readers import Event
from streamer.models.text.words import join_words
from streamer.offline.sentences import Sentences

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SHARE = 0.15  # of a text's words that its summary may have
LEAD = 0.3  # how much more the first sentence counts than the last
ALIKE = 0.15  # the cosine from which sentences speak of the same
SECTION = 1000  # sentences of a text that are compared with each other
LEAST_CONFIDENCE = 0.75  # mean probability of the words kept; below it a sentence is given as it is
SHORTEST = 5  # words; shorter sentences say nothing by themselves


class Chosen(NamedTuple):
    """A sentence of a summary: which one of the text it is, and the words that it keeps."""

    sentence: int
    words: list[str]


def summarize(sentences: Sequence[Sequence[str]], network: Sentences, most_words: float) -> list[Chosen]:
    """The summary of a text of `sentences`, each as its words, with at most `most_words` words as written.

    `network` shortens what is chosen. A text too short for that keeps one shortened sentence.
    """
    finals = network.finals(sentences)
    shortened = [_shortened(sentence, final) for sentence, final in zip(sentences, finals)]
    return [Chosen(index, shortened[index]) for index in choose(sentences, shortened, most_words)]


def choose(
    sentences: Sequence[Sequence[str]], shortened: Sequence[Sequence[str]], most_words: float
) -> list[int]:
    """The sentences, in their order, whose `shortened` forms have at most `most_words` words together.

    A text too short for that keeps one sentence, its best.
    """
    chosen: list[int] = []
    best = None
    for index in ranked(sentences):
        best = index if best is None else best
        if most_words < SHORTEST:
            break
        if 0 < (size := _size(shortened[index])) <= most_words:
            chosen.append(index)
            most_words -= size
    return sorted(chosen) or ([] if best is None else [best])


def _size(sentence: Sequence[str]) -> int:
    """Its words, as people count them: what stands between spaces. Marks alone are none."""
    return len(join_words(sentence).split()) if any(map(str.isalnum, "".join(sentence))) else 0


def ranked(sentences: Sequence[Sequence[str]]) -> Iterator[int]:
    """Indices of `sentences`, the one that a summary needs most first; those without a word are left out.

    A sentence's worth is the sum of its tf-idf cosines with those that speak of the same (degree
    centrality, Erkan 2004), more towards the text's beginning; each next one is marked down by its likeness
    to those before it (maximal marginal relevance, Carbonell 1998).
    """
    # Late: the extra "text" brings them, and no other task needs it.
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [[word.lower() for word in sentence if any(map(str.isalnum, word))] for sentence in sentences]
    if not any(texts):
        return
    rows = csr_array(TfidfVectorizer(analyzer=lambda words: words, sublinear_tf=True).fit_transform(texts))
    place = np.arange(len(texts)) / max(1, len(texts) - 1)
    worth = _centrality(rows) * (1 + LEAD * (1 - place))
    worth[[len(text) < SHORTEST for text in texts]] = 0
    likeness_before = np.zeros(len(texts))
    left = np.array([bool(text) for text in texts])
    while left.any():
        best = int(np.where(left, worth * (1 - likeness_before), -np.inf).argmax())
        yield best
        left[best] = False
        likeness = (rows @ rows[[best]].T).toarray().ravel()
        likeness_before = np.maximum(likeness_before, likeness).clip(max=1)


def _shortened(sentence: Sequence[str], final: Event | None) -> list[str]:
    """The words kept; all of them where the network guesses, as in texts unlike the news it learned from."""
    if final is None or final.alternatives[0].confidence < LEAST_CONFIDENCE:
        return list(sentence)
    return [word.text for word in final.alternatives[0].words]


def _centrality(rows: "csr_array") -> np.ndarray:
    """Of each sentence [N] of tf-idf rows [N, words], within its section: a long text has many subjects."""
    central = np.zeros(rows.shape[0])
    for start in range(0, len(central), SECTION):
        section = rows[start : start + SECTION]
        cosines = (section @ section.T).toarray()
        central[start : start + SECTION] = np.where(cosines >= ALIKE, cosines, 0).sum(1)
    return central
