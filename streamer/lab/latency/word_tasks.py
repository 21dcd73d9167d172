"""Two tasks over words: names in them, and which of them a summary keeps."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from seqeval.metrics.sequence_labeling import get_entities
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.lab.latency.task import Scored
from streamer.lab.latency.views import BOTH_WAYS, ONE_WAY, Seer, View, seer
from streamer.models.datasets.compressions import read_compressions
from streamer.models.datasets.tagged import TAGS, numbered, read_conll
from streamer.models.datasets.word_channels import Words, batch, by_length, glove
from streamer.models.layers.word_embedding import WordLetters
from streamer.models.training.fit import Pace, batches_of_steps
from streamer.models.training.text.entities_recipes import OPEN

LISTED = 8000  # words that have vectors of their own
WORD_SIZE, LETTER_SIZE = 48, 24
VECTORS = Path("glove_twitter_25d") / "vectors.npz"
WEIGHTS = 200_000  # without the words' vectors
BATCH_WORDS = 1300
IGNORED = -100
SPOKEN_WORDS_AN_HOUR = 150 * 60
HELD_OUT = 400  # training sentences that choose the least logit of a word that is kept
VIEWS = (
    ONE_WAY,
    View("1 word ahead", ahead=1),
    View("2 ahead", ahead=2),
    View("4 ahead", ahead=4),
    View("chunks of 4", chunk=4),
    View("chunks of 8", chunk=8),
    BOTH_WAYS,
)


class WordMarker(nn.Module):
    """Word vectors, a Seer, one linear map: x [B, T, 19] of the "words" encoder -> logits [B, T, out]."""

    def __init__(self, view: View, depth: int, words: int, outputs: int):
        super().__init__()
        self.words = WordLetters(words, WORD_SIZE, LETTER_SIZE, word_dropout=0.1)
        self.seer: Seer = seer(view, WORD_SIZE + LETTER_SIZE, WEIGHTS, depth, 0.3)
        self.out = nn.Linear(self.seer.width, outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        words = F.dropout(self.words.step(x, ())[0], 0.3, self.training)
        return self.out(self.seer(words, lengths))


Texts = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]  # words by number, and a mark for each


class _WordTask:
    """What both tasks share: texts as numbers of words, with a mark for each word."""

    unit = "words"
    views: tuple[View, ...] = VIEWS
    outputs = 1

    def __init__(self, words: Words, train: Texts, dev: Texts, vectors: Path):
        self.train, self.dev = train, dev
        self.listed = words.frequent(self.train[0], LISTED - 2)
        self.table = words.table(self.listed)
        self.vectors = glove(vectors, self.listed)

    def network(self, view: View, depth: int) -> WordMarker:
        torch.manual_seed(1)
        made = WordMarker(view, depth, len(self.listed) + 2, self.outputs)
        with torch.no_grad():
            made.words.words.weight[:, : self.vectors.shape[1]] = 0.3 * torch.from_numpy(self.vectors)
        return made

    def batches(self) -> Iterator[np.ndarray]:
        return batches_of_steps([len(text) for text in self.train[0]], BATCH_WORDS, 1)

    def loss(self, network: WordMarker, number: int, chosen: np.ndarray) -> Tensor:
        torch.manual_seed(number)
        x, lengths = batch(self.table, [self.train[0][i] for i in chosen])
        marks = [torch.from_numpy(self.train[1][i]) for i in chosen]
        wanted = nn.utils.rnn.pad_sequence(marks, batch_first=True, padding_value=IGNORED)
        return self.loss_of(network(x, lengths), wanted)

    def loss_of(self, logits: Tensor, wanted: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), wanted.long().flatten(), ignore_index=IGNORED)

    @torch.inference_mode()
    def _logits(self, network: WordMarker, texts: Sequence[np.ndarray]) -> list[np.ndarray]:
        network.eval()
        logits: list[np.ndarray] = [np.zeros(0)] * len(texts)
        for chosen in by_length(texts):
            y = network(*batch(self.table, [texts[i] for i in chosen])).numpy()
            for i, row in zip(chosen, y):
                logits[i] = row[: len(texts[i])]
        return logits

    def _scored(self, counts: Sequence[Sequence[float]], view: View) -> Scored:
        lengths = np.array([len(text) for text in self.dev[0]])
        waited = np.array([view.waits(length).sum() for length in lengths])
        return Scored(np.array(counts, float), waited, lengths, lengths / SPOKEN_WORDS_AN_HOUR)


class EntityTask(_WordTask):
    """Names in the open corpora; an error is 1 - F1 of exact spans, all dev sentences together."""

    name, measure = "entities", "1 - F1 of names"
    outputs = len(TAGS)
    pace = Pace(400, 4e-3, averaged=0.99)

    def __init__(self, data: Path):
        text, words = data / "text", Words()
        train_rows = [row for file, times in OPEN.trained for row in read_conll(text / file) * times]
        dev_rows = [row for file in OPEN.checked.values() for row in read_conll(text / file)]
        train, dev = numbered(train_rows, words), numbered(dev_rows, words)
        super().__init__(words, (train.texts, train.tags), (dev.texts, dev.tags), text / VECTORS)

    def scored(self, network: WordMarker, view: View) -> Scored:
        counts = []
        for logits, tags in zip(self._logits(network, self.dev[0]), self.dev[1]):
            predicted, gold = ([TAGS[tag] for tag in numbers] for numbers in (logits.argmax(-1), tags))
            counts.append(span_counts(predicted, gold))
        return self._scored(counts, view)

    def error(self, counts: np.ndarray) -> float:
        return span_error(counts)


class SummaryTask(_WordTask):
    """Words that a shorter sentence keeps; an error is 1 - F1 of kept words, the mean over sentences."""

    name, measure = "summary", "1 - F1 of kept words"
    pace = Pace(300, 4e-3, averaged=0.99)

    def __init__(self, data: Path):
        text, words = data / "text", Words()
        train, dev = (
            read_compressions(text / "sentence_compression" / file, words)
            for file in ("train.jsonl.gz", "dev.jsonl")
        )
        self.held_out = train.texts[:HELD_OUT], train.kept[:HELD_OUT]
        rest = train.texts[HELD_OUT:], train.kept[HELD_OUT:]
        super().__init__(words, rest, (dev.texts, dev.kept), text / VECTORS)

    def loss_of(self, logits: Tensor, wanted: Tensor) -> Tensor:
        counted = wanted != IGNORED
        return F.binary_cross_entropy_with_logits(logits[..., 0][counted], wanted[counted])

    def scored(self, network: WordMarker, view: View) -> Scored:
        tried = self._logits(network, self.held_out[0])
        least = max(np.arange(-1.2, 0.3, 0.1), key=lambda least: _f1(tried, self.held_out[1], least).mean())
        scores = _f1(self._logits(network, self.dev[0]), self.dev[1], least)
        scored = self._scored([(1 - score, 1) for score in scores], view)
        read = sum(map(len, self.held_out[0])) / scored.outputs.sum()
        return scored._replace(amount=scored.amount * (1 + read))

    def error(self, counts: np.ndarray) -> float:
        return counts[0] / counts[1]


def span_counts(predicted: Sequence[str], gold: Sequence[str]) -> tuple[int, int, int]:
    """Of a sentence's tags: the spans that agree, those predicted, those there are."""
    spans, true = set(get_entities(list(predicted))), set(get_entities(list(gold)))
    return len(spans & true), len(spans), len(true)


def span_error(counts: np.ndarray) -> float:
    """1 - F1 of summed `span_counts`."""
    both, predicted, gold = counts
    return float(1 - 2 * both / max(1.0, predicted + gold))


def _f1(logits: Sequence[np.ndarray], kept: Sequence[np.ndarray], least: float) -> np.ndarray:
    """Of each sentence, where the words of at least that logit are kept."""
    chosen = [row[:, 0] >= least for row in logits]
    scores = [2 * (a * b).sum() / max(1.0, a.sum() + b.sum()) for a, b in zip(chosen, kept)]
    return np.array(scores)
