"""Pairs of sentences as sub-words: reading them, the sentencepiece models, and batches."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from sentencepiece import SentencePieceProcessor

from streamer.models.datasets.text_files import read_lines
from streamer.models.text.pieces import CHANNELS, FIRST, chunks, word_steps
from streamer.output_file import write_bytes

LONGEST = 60  # pieces of either side that training takes


@dataclass(frozen=True)
class SentencePairs:
    """Sources as steps of the "pieces" encoder [n, C], targets as units [m] without their end."""

    sources: list[np.ndarray]
    targets: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.sources)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """The first two columns of a .tsv or .tsv.gz; ValueError names a line that has no two."""
    pairs = []
    for number, line in read_lines(path):
        columns = line.split("\t")
        if len(columns) < 2:
            raise ValueError(f"{path}:{number}: wanted a source, a tab and a target")
        pairs.append((columns[0], columns[1]))
    return pairs


def train_source_model(texts: Iterable[str], pieces: int, path: Path, symbols: Sequence[str] = ()) -> None:
    """A model of words and punctuation marks, the space before a word being part of it.

    Piece 0 is none, 1 a letter that the model lacks, 2 a sentence's end. `symbols` are pieces of their
    own, and where there are some, a letter that the model lacks is its bytes.
    """
    counts = Counter(chunk for text in texts for chunk in chunks(text))
    _train(
        (f"{chunk}\t{count}" for chunk, count in counts.items()),
        pieces,
        path,
        input_format="tsv",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_unicode_script=False,
        eos_id=2,
        **_open(symbols),
    )


def train_target_model(texts: Iterable[str], units: int, path: Path, symbols: Sequence[str] = ()) -> None:
    """A model of running text. Unit 0 begins and ends a target, 1 is a letter that the model lacks."""
    # With and without the space before it, so that a symbol is one unit anywhere.
    spaced = [f"\u2581{symbol}" for symbol in symbols]
    _train(iter(texts), units, path, eos_id=-1, **_open([*symbols, *spaced]))


def _open(symbols: Sequence[str]) -> dict[str, Any]:
    """The options of a model that has `symbols`: bytes for letters that are rarer than 1 in 10,000."""
    if not symbols:
        return {"character_coverage": 1.0}
    return {"character_coverage": 0.9999, "byte_fallback": True, "user_defined_symbols": list(symbols)}


def _train(sentences: Iterator[str], size: int, path: Path, **options) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences,
        model_writer=model,
        vocab_size=size,
        hard_vocab_limit=False,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        split_digits=True,
        num_threads=1,
        minloglevel=2,
        model_type="bpe",
        **options,
    )
    write_bytes(path, model.getvalue())


def encode(
    texts: Sequence[tuple[str, str]], source: SentencePieceProcessor, target: SentencePieceProcessor
) -> SentencePairs:
    """The pairs of texts as numbers, without those that are empty or too long."""
    cache: dict[str, np.ndarray] = {}
    sources, targets = [], []
    for (source_text, _), units in zip(texts, target.encode([text for _, text in texts])):
        parts = chunks(source_text)
        for chunk in parts:
            if chunk not in cache:
                cache[chunk] = word_steps(source, chunk)
        if not parts or not units:
            continue
        steps = np.concatenate([cache[chunk] for chunk in parts])
        if len(steps) <= LONGEST and len(units) <= LONGEST:
            steps[0, FIRST] = 1
            sources.append(steps)
            targets.append(np.array(units, np.int64))
    return SentencePairs(sources, targets)


def steps(source: SentencePieceProcessor, text: str) -> np.ndarray:
    """A sentence as steps of the "pieces" encoder [n, C], k left at 0."""
    parts = [word_steps(source, chunk) for chunk in chunks(text)]
    sentence = np.concatenate(parts) if parts else np.zeros((0, CHANNELS), np.float32)
    sentence[:1, FIRST] = 1
    return sentence


@dataclass(frozen=True)
class PairBatch:
    """x [B, T, C], lengths [B], units [B, S] with their end, padded with -1."""

    x: np.ndarray
    lengths: np.ndarray
    units: np.ndarray


def batch(pairs: SentencePairs, chosen: Sequence[int] | np.ndarray) -> PairBatch:
    """The pairs `chosen` side by side."""
    sources, targets = [pairs.sources[i] for i in chosen], [pairs.targets[i] for i in chosen]
    x = np.zeros((len(chosen), max(map(len, sources)), CHANNELS), np.float32)
    units = np.full((len(chosen), max(map(len, targets)) + 1), -1, np.int64)
    for steps_row, source in zip(x, sources):
        steps_row[: len(source)] = source
    for units_row, target in zip(units, targets):
        units_row[: len(target)] = target
        units_row[len(target)] = 0
    return PairBatch(x, np.array([len(source) for source in sources]), units)


def order(pairs: SentencePairs, units: int, seed: int) -> Iterator[np.ndarray]:
    """Batches of about `units` target units, of pairs about equally long, in random order, without end."""
    random = np.random.default_rng(seed)
    source = np.array([len(s) for s in pairs.sources])
    target = np.array([len(t) + 1 for t in pairs.targets])
    while True:
        # Alike in both lengths, so that little is padding.
        sort = np.argsort(target + source / 4 + random.uniform(0, 1, len(pairs)))
        cuts = np.flatnonzero(np.diff(np.cumsum(target[sort]) // units)) + 1
        batches = [indices for indices in np.split(sort, cuts) if len(indices)]
        for number in random.permutation(len(batches)):
            yield batches[number]
