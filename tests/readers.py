"""The one list of readers: whatever stands here inherits every law."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streamer.models.card import Card, Part, ReaderPart
from streamer.models.datasets import sentence_pairs
from streamer.models.feeders.text import Mark
from streamer.models.readers import Event, Reader
from streamer.models.readers.build import reader
from tests import tiny_language
from tests.translation_data import pairs

Random = np.random.Generator
ROWS = 4
ENTITY_TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
UNITS = 60  # of the target model, and of the voices


class Recording(NamedTuple):
    """What one stream brings to its reader: outputs float32 [n, D] and, of text, the mark of each row."""

    outputs: np.ndarray
    marks: Sequence[Mark] = ()

    def parts(self, cuts: Sequence[int]) -> Iterator["Recording"]:
        """The recording in pieces cut at the rows `cuts`."""
        edges = [0, *sorted(min(cut, len(self.outputs)) for cut in cuts), len(self.outputs)]
        for start, end in zip(edges, edges[1:]):
            yield Recording(self.outputs[start:end], self.marks[start:end])


@dataclass(frozen=True)
class Case:
    """A reader of a `kind` of card, a stream's options, and how to make a stream of about n rows."""

    kind: str
    labels: dict[str, list[str]]
    record: Callable[[Random, int], Recording]
    card_options: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)

    def make(self, folder: Path, rows: int = ROWS) -> Reader:
        """The reader, with the files that `write_files` made in `folder`."""
        card = Card(
            name="tiny",
            task="captions",
            description="",
            licence="",
            command="",
            front=None,
            network=Part("composer" if self.network else "none", self.network),
            reader=ReaderPart(self.kind, self.card_options),
            labels=self.labels,
        )
        return reader(card, folder, rows)


def write_files(folder: Path) -> None:
    """What the cards of all cases name: a tiny language, a target model, a list of words."""
    tiny_language.write_language(folder)
    tiny_language.write_sounds(folder)
    sentence_pairs.train_target_model((target for _, target in pairs()), 80, folder / "target.model")
    (folder / "words.txt").write_text("the\nnetwork\nlstm\n", encoding="utf-8")


def read(reader: Reader, row: int, recording: Recording, cuts: Sequence[int] = ()) -> list[Event]:
    """The events of `recording`, brought to an open row in pieces cut at `cuts`."""
    events = []
    for part in recording.parts(cuts):
        reader.marks(row, part.marks)
        events += reader.read([row], part.outputs[None])[0]
    return events


def marks_of(sentences: Sequence[Sequence[str]], tail: int) -> list[Mark]:
    """The marks of sentences, whose words stand apart, and of `tail` empty steps after each."""
    marks: list[Mark] = []
    start = 0
    for sentence in sentences:
        for word in sentence:
            marks.append(Mark(start, start + len(word), word, "token", start + len(word)))
            start += len(word) + 1
        marks += [Mark(start, start, "", "empty", start)] * tail
    return marks


def _text(columns: int, tail: int) -> Callable[[Random, int], Recording]:
    """Sentences of a few words, about which a network says anything."""

    def record(random: Random, rows: int) -> Recording:
        marks = _sentences(random, rows, tail)
        return Recording(random.normal(0, 2, (len(marks), columns)).astype(np.float32), marks)

    return record


def _sentences(random: Random, rows: int, tail: int) -> list[Mark]:
    sentences: list[list[str]] = []
    while sum(len(words) + tail for words in sentences) < rows:
        sentences.append(["w" * int(random.integers(1, 5)) for _ in range(random.integers(1, 5))])
    return marks_of(sentences, tail)


def _sound(columns: int) -> Callable[[Random, int], Recording]:
    def record(random: Random, rows: int) -> Recording:
        return Recording(random.normal(0, 2, (rows, columns)).astype(np.float32))

    return record


def _phones(random: Random, rows: int) -> Recording:
    return Recording(tiny_language.babble(6 * rows, int(random.integers(1 << 30))))


def _commands(random: Random, rows: int) -> Recording:
    """Words now and then, in doubt and over each other."""
    logits = random.normal(0, 2, (2 * rows, 7)).astype(np.float32)
    logits[:, 0] += 2.0
    logits[:, 4] += random.normal(0, 4, 2 * rows).cumsum() * 0.3
    return Recording(logits)


def _translation(random: Random, rows: int) -> Recording:
    """Two slots a row: no unit, a unit, or the target's end."""
    marks = _sentences(random, rows, 3)
    units = random.integers(3, UNITS, (len(marks), 2)) * (random.random((len(marks), 2)) < 0.6)
    units[random.random((len(marks), 2)) < 0.1] = -1
    return Recording(_paired(units, random), marks)


def _units(random: Random, rows: int) -> Recording:
    """A unit a row; of a headline: the end, an unknown word, three listed ones, a copied one."""
    marks = _sentences(random, rows, 0)
    return Recording(_paired(random.integers(0, 6, (len(marks), 1)), random), marks)


def _notes(random: Random, rows: int) -> Recording:
    """Three columns for each of two voices, whose symbols are held for a while."""
    symbols = np.repeat(random.integers(0, 30, (rows, 2)), random.integers(1, 4, rows), axis=0)
    likeliest = np.zeros_like(symbols)
    logp = -random.random(symbols.shape)
    return Recording(np.stack([symbols, logp, likeliest], -1).reshape(len(symbols), 6).astype(np.float32))


def _paired(units: np.ndarray, random: Random) -> np.ndarray:
    """Units beside their log-probabilities: sixteenths, whose sums are exact in any order."""
    logp = -random.integers(0, 32, units.shape) / 16
    return np.stack([units, logp], -1).reshape(len(units), -1).astype(np.float32)


SPEECH = {"beam": 32, "word_insertion": 0.5, "start_level": 0.8, "end_offset_rows": 0.0}
PHONES = {"phones": list(tiny_language.PHONES)}
EAGER = {
    "threshold": 0.4,
    "second_threshold": 0.6,
    "second_rows": 9,
    "talk_threshold": 0.7,
    "talk_level": 3.0,
    "doubt_threshold": 0.2,
    "doubt_share": 0.05,
    "doubt_shortest": 2,
    "pause_rows": 4,
}
COMMANDS = {"words": ["", "unknown", "yes", "no"], "phones": ["", "AA", "S"]}
LETTERS = {"extra": ["p", "q"], "letters": ["", "a", "b", " "]}
FROM_LETTERS = {"head": "letters", "row_ms": 10.0, "endpoint_silence_ms": 30}

READERS = {
    "captions": Case("captions", PHONES, _phones, SPEECH),
    "captions, as written, of own words": Case(
        "captions",
        PHONES,
        _phones,
        SPEECH | {"sounds": "sounds.bin"},
        {"hot_words": ["acd", "dbb", "dab"], "sentences": True, "numbers": True},
    ),
    "captions that are cut": Case(
        "captions", PHONES, _phones, SPEECH | {"max_utterance_s": 2.0}, {"endpoint_silence_ms": 0}
    ),
    "commands": Case("commands", COMMANDS, _commands, EAGER, {"unknown": True}),
    "argmax": Case("argmax", LETTERS, _sound(6), FROM_LETTERS),
    "greedy ctc": Case("greedy_ctc", LETTERS, _sound(6), FROM_LETTERS),
    "entities": Case(
        "entities",
        {f"after {k}": ENTITY_TAGS for k in range(3)},
        _text(15, 2),
        {"begin_cost": 1.0, "change_cost": 1.5, "next_weight": 0.5},
        {"lookahead": 1},
    ),
    "sentiment": Case("sentiment", {"two": ["bad", "good"], "three": ["bad", "so so", "good"]}, _text(5, 1)),
    "summary": Case(
        "summary", {"other": ["x"], "keep": ["0", "1", "2"]}, _text(4, 2), {"thresholds": [0.5] * 3}
    ),
    "summary, two words behind": Case(
        "summary", {"keep": ["0", "1", "2"]}, _text(3, 2), {"thresholds": [0.5] * 3}, {"lookahead": 2}
    ),
    "summary of whole sentences": Case("summary_whole", {"keep": ["keep"]}, _text(1, 1)),
    "headline": Case("headline", {"title": ["unit", "log_probability"]}, _units),
    "translation": Case("translation", {"slots": ["unit", "log_probability"] * 2}, _translation),
    "translation of whole sentences": Case(
        "translation_whole", {"units": ["unit", "log_probability"]}, _units
    ),
    "notes": Case(
        "notes",
        {"soprano": ["symbol", "log-probability", "likeliest"], "bass": ["symbol", "logp", "likeliest"]},
        _notes,
        {"bar_steps": 4},
        network={"voices": [30, 30], "lowest": [55, 40], "order": [0, 1]},
    ),
}
