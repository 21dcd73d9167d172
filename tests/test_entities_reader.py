"""The entities reader: which spans are told, when, and that no cut changes it."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.readers.entities import EntitiesReader

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
HEADS = 3
LABELS = {f"after {k}": TAGS for k in range(HEADS)}
TAIL = HEADS - 1


class Mark(NamedTuple):
    start: int
    end: int
    text: str
    kind: str


def reader(heads: int = HEADS) -> EntitiesReader:
    return EntitiesReader(dict(list(LABELS.items())[:heads]), {"lookahead": 0}, 2)


def stream(*sentences: str) -> tuple[list[Mark], np.ndarray]:
    """Marks and outputs of sentences of word/TAG, whatever the head; tags that aren't named are O."""
    marks, rows, at = [], [], 0
    for sentence in sentences:
        tags = []
        for word in sentence.split():
            word, _, tag = word.partition("/")
            marks.append(Mark(at, at + len(word), word, "token"))
            at += len(word) + 1
            tags.append(TAGS.index(tag or "O"))
        marks += [Mark(at, at, "", "empty")] * TAIL
        some = np.full((len(tags) + TAIL, HEADS, len(TAGS)), 0.0, np.float32)
        for head in range(HEADS):
            for place, tag in enumerate(tags):
                some[place + head, head, tag] = 5.0
        rows.append(some.reshape(len(some), -1))
    return marks, np.concatenate(rows)


def told(reader, marks, outputs, cuts=(), lookahead=0, partials=True):
    reader.open(0, reader.parse({"lookahead": lookahead, "partials": partials}))
    events = []
    for some, rows in zip(np.split(np.arange(len(marks)), list(cuts)), np.split(outputs, list(cuts))):
        reader.marks(0, [marks[i] for i in some])
        events += reader.read([0], rows[None])[0]
        value = reader.save(0)
        reader.open(0, reader.parse({}))
        reader.restore(0, value)
    return events + reader.finish(0)


def spans(event):
    return [(word.text, word.start, word.end, word.label) for word in event.alternatives[0].words]


SENTENCES = "Ann/B-PER Lee/I-PER saw Rome/B-LOC Paris/B-LOC", "no one", "Bo/B-PER"


@pytest.mark.parametrize("lookahead", range(HEADS))
def test_each_lookahead_finds_the_same_spans(lookahead):
    events = told(reader(), *stream(*SENTENCES), lookahead=lookahead)
    finals = [event for event in events if event.kind == "final"]
    assert [final.alternatives[0].text for final in finals] == ["Ann Lee saw Rome Paris", "no one", "Bo"]
    assert [final.utterance for final in finals] == [0, 1, 2]
    assert [spans(final) for final in finals] == [
        [("Ann Lee", 0, 7, "PER"), ("Rome", 12, 16, "LOC"), ("Paris", 17, 22, "LOC")],
        [],
        [("Bo", 30, 32, "PER")],
    ]
    assert all(final.confirmed == len(final.alternatives[0].text) for final in finals)


@pytest.mark.parametrize("lookahead", range(HEADS))
def test_a_span_is_told_when_the_next_tag_is_known_and_stays(lookahead):
    events = told(reader(), *stream(SENTENCES[0]), lookahead=lookahead)
    seen = [spans(event) for event in events]
    assert all(before == after[: len(before)] for before, after in zip(seen, seen[1:]))
    # "saw", the third word, closes the first span once its tag is known.
    first = next(event for event in events if spans(event))
    assert first.through == 3 + lookahead


def test_tags_that_cannot_follow_begin_a_span():
    marks, outputs = stream("so Ann/I-PER Rome/I-LOC Rome/I-LOC Rome/B-LOC")
    *_, last = told(reader(), marks, outputs)
    assert [(text, label) for text, _, _, label in spans(last)] == [
        ("Ann", "PER"), ("Rome Rome", "LOC"), ("Rome", "LOC"),
    ]  # fmt: skip


def test_confidence_is_the_mean_of_the_tags():
    marks, outputs = stream("Ann/B-PER Lee/I-PER")
    *_, last = told(reader(), marks, outputs)
    (word,) = last.alternatives[0].words
    assert word.confidence == pytest.approx(np.exp(5) / (np.exp(5) + 4))


def test_partials_can_be_left_out():
    assert {event.kind for event in told(reader(), *stream(*SENTENCES), partials=False)} == {"final"}


@given(cuts=st.sets(st.integers(1, 13)), lookahead=st.integers(0, TAIL))
def test_cuts_and_saving_change_nothing(cuts, lookahead):
    marks, outputs = stream(*SENTENCES)
    whole = told(reader(), marks, outputs, lookahead=lookahead)
    assert told(reader(), marks, outputs, sorted(cuts), lookahead) == whole


def test_rows_of_a_batch_do_not_mix():
    one = reader()
    first, second = stream(SENTENCES[0]), stream("x y Rome/B-LOC z z")
    for row, (marks, _) in enumerate((first, second)):
        one.open(row, one.parse({"lookahead": row}))
        one.marks(row, marks)
    both = one.read([0, 1], np.stack([first[1], second[1]]))
    assert [spans(events[-1]) for events in both] == [
        [("Ann Lee", 0, 7, "PER"), ("Rome", 12, 16, "LOC"), ("Paris", 17, 22, "LOC")],
        [("Rome", 4, 8, "LOC")],
    ]


def test_a_whole_sentence_ends_with_its_stream():
    one = reader(1)
    one.open(0, one.parse({}))
    marks, outputs = stream("Ann/B-PER ran")
    one.marks(0, marks[:2])
    one.read([0], outputs[None, :2, : len(TAGS)])
    (final,) = one.finish(0)
    assert spans(final) == [("Ann", 0, 3, "PER")] and one.finish(0) == []


def test_a_flush_ends_the_sentence():
    marks, outputs = stream("Ann/B-PER ran Rome/B-LOC")
    one = reader()
    one.open(0, one.parse({"lookahead": 2}))
    one.marks(0, marks)
    one.read([0], outputs[None, :3])
    *_, last = one.flush(0, outputs[3:])
    assert last.kind == "final" and len(spans(last)) == 2
    assert one.read([0], outputs[None, 3:]) == [[]]


@pytest.mark.parametrize("lookahead", [-1, HEADS])
def test_a_lookahead_that_the_model_lacks_is_refused(lookahead):
    with pytest.raises(ValueError, match="options.lookahead: .*this model has 0 to 2"):
        reader().parse({"lookahead": lookahead})


def test_cards_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="in every head"):
        EntitiesReader({"a": TAGS, "b": TAGS[:3]}, {}, 1)
    with pytest.raises(ValueError, match="reader.lookahead: 1; the labels hold 1 heads"):
        EntitiesReader({"a": TAGS}, {"lookahead": 1}, 1)
