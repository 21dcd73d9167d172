"""The translation readers: a target that grows and never changes, and where it ends."""

import numpy as np
import pytest
import sentencepiece

from streamer.models.datasets import sentence_pairs
from streamer.models.feeders.text import Mark
from streamer.models.readers.text.translation_reader import TranslationReader, WholeTranslationReader
from tests.readers import Recording, marks_of, read
from tests.translation_data import pairs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pieces")
    sentence_pairs.train_target_model((target for _, target in pairs()), 80, path / "target.model")
    return path


def reader(folder, kind=TranslationReader, columns=4):
    made = kind({"said": [""] * columns}, {}, folder, 1)
    made.open(1, made.parse({}))
    return made


def marks(count: int, empty: int) -> list[Mark]:
    return marks_of(["w" * count], empty)


def test_text_grows_and_never_changes(folder):
    target = sentencepiece.SentencePieceProcessor(model_file=str(folder / "target.model"))
    units = target.encode("Ich sehe, dass zwei Hunde laufen.")
    rows = np.zeros((len(units) + 4, 4), np.float32)
    rows[3 : 3 + len(units), 0] = units
    rows[3 + len(units), 0] = -1
    translator = reader(folder)
    translator.marks(1, marks(4, len(units)))
    (events,) = translator.read([1], rows[None])
    texts = [event.alternatives[0].text for event in events]
    assert texts[-1] == "Ich sehe, dass zwei Hunde laufen." and events[-1].kind == "final"
    assert all(later.startswith(text) for text, later in zip(texts, texts[1:]))
    assert all(event.confirmed == len(text) for event, text in zip(events, texts))
    assert translator.finish(1) == []


def test_a_target_without_an_end_is_told_when_its_stream_ends(folder):
    rows = np.zeros((12, 4), np.float32)
    rows[2:5, 0], rows[5, 2], rows[8:11, 2] = [9, 10, 11], -1, [12, 13, 14]
    translator = reader(folder)
    events = read(translator, 1, Recording(rows, marks(4, 3) + marks(2, 3))) + translator.finish(1)
    assert [event.utterance for event in events if event.kind == "final"] == [0, 1]


def test_the_next_sentence_ends_one_that_never_did(folder):
    rows = np.zeros((6, 4), np.float32)
    rows[:, 0] = 9
    translator = reader(folder)
    translator.marks(1, marks(1, 2) + marks(1, 2))
    (events,) = translator.read([1], rows[None])
    assert [event.kind for event in events] == ["partial"] * 3 + ["final"] + ["partial"] * 3


def test_a_whole_target_is_told_at_the_end(folder):
    translator = reader(folder, WholeTranslationReader, 2)
    translator.marks(1, marks(3, 0))
    rows = np.zeros((9, 2), np.float32)
    rows[:4, 0] = [9, 10, 11, 12]
    assert translator.read([1], rows[None]) == [[]]
    (final,) = translator.finish(1)
    assert final.kind == "final" and final.through == 3 and final.confirmed == len(final.alternatives[0].text)


def test_nothing_is_told_of_an_empty_text(folder):
    assert reader(folder).finish(1) == []
