"""The entities reader: which spans are told, when."""

import numpy as np
import pytest

from streamer.models.feeders.text import Mark
from streamer.models.readers.text.entities_reader import EntitiesReader
from tests.readers import Recording, marks_of, read

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
HEADS = 3
LABELS = {f"after {k}": TAGS for k in range(HEADS)}
TAIL = HEADS - 1


def reader(heads: int = HEADS, **options: float) -> EntitiesReader:
    return EntitiesReader(dict(list(LABELS.items())[:heads]), {"lookahead": 0} | options, 2)


def stream(*sentences: str) -> tuple[list[Mark], np.ndarray]:
    """Marks and outputs of sentences of word/TAG, whatever the head; tags that aren't named are O."""
    rows, split = [], [[pair.partition("/") for pair in sentence.split()] for sentence in sentences]
    for words in split:
        logits = np.zeros((len(words) + TAIL, HEADS, len(TAGS)), np.float32)
        for head in range(HEADS):
            for place, (_, _, tag) in enumerate(words):
                logits[place + head, head, TAGS.index(tag or "O")] = 5.0
        rows.append(logits.reshape(len(logits), -1))
    marks = marks_of([[word for word, _, _ in words] for words in split], TAIL)
    return marks, np.concatenate(rows)


def events_of(reader, marks, outputs, lookahead=0, partials=True):
    reader.open(1, reader.parse({"lookahead": lookahead, "partials": partials}))
    return read(reader, 1, Recording(outputs, marks)) + reader.finish(1)


def spans(event):
    return [(word.text, word.start, word.end, word.label) for word in event.alternatives[0].words]


SENTENCES = "Ann/B-PER Lee/I-PER saw Rome/B-LOC Paris/B-LOC", "no one", "Bo/B-PER"


@pytest.mark.parametrize("lookahead", range(HEADS))
def test_each_lookahead_finds_the_same_spans(lookahead):
    events = events_of(reader(), *stream(*SENTENCES), lookahead=lookahead)
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
    events = events_of(reader(), *stream(SENTENCES[0]), lookahead=lookahead)
    seen = [spans(event) for event in events]
    assert all(before == after[: len(before)] for before, after in zip(seen, seen[1:]))
    # "saw", the third word, closes the first span once its tag is known.
    first = next(event for event in events if spans(event))
    assert first.through == 3 + lookahead


def test_tags_that_cannot_follow_begin_a_span():
    marks, outputs = stream("so Ann/I-PER Rome/I-LOC Rome/I-LOC Rome/B-LOC")
    *_, last = events_of(reader(), marks, outputs)
    assert [(text, label) for text, _, _, label in spans(last)] == [
        ("Ann", "PER"),
        ("Rome Rome", "LOC"),
        ("Rome", "LOC"),
    ]


def test_confidence_is_the_mean_of_the_tags():
    marks, outputs = stream("Ann/B-PER Lee/I-PER")
    *_, last = events_of(reader(), marks, outputs)
    (word,) = last.alternatives[0].words
    assert word.confidence == pytest.approx(np.exp(5) / (np.exp(5) + 4))


def unsure(*words: dict[str, float]) -> tuple[list[Mark], np.ndarray]:
    """Words of which each tag's logit is known; tags that aren't named have -9."""
    marks, outputs = stream(" ".join("abcdefgh"[: len(words)]))
    rows = outputs.reshape(-1, HEADS, len(TAGS))
    for head in range(HEADS):
        for place, logits in enumerate(words):
            rows[place + head, head] = [logits.get(tag, -9.0) for tag in TAGS]
    return marks, outputs


def read_spans(lookahead, *words, **options):
    *_, last = events_of(reader(**options), *unsure(*words), lookahead=lookahead)
    return [(text, label) for text, _, _, label in spans(last)]


def test_a_span_costs_what_its_beginning_costs():
    words = {"O": 0.0, "B-PER": 0.9}, {"O": 0.0, "B-PER": 1.1}
    assert read_spans(0, *words, begin_cost=0.0) == [("a", "PER"), ("b", "PER")]
    assert read_spans(0, *words, begin_cost=1.0) == [("b", "PER")]
    assert read_spans(0, *words[::-1], begin_cost=1.0, change_cost=9.0) == [
        ("a", "PER"),
        ("b", "PER"),
    ]  # no change


def test_a_change_costs_more_than_going_on():
    words = {"B-PER": 5.0}, {"O": -1.0, "I-PER": 0.0, "B-LOC": 0.9}, {"O": -1.0, "I-PER": 0.0, "B-LOC": 1.1}
    assert read_spans(0, *words) == [("a", "PER"), ("b", "LOC"), ("c", "LOC")]
    assert read_spans(0, *words, begin_cost=3.0) == [("a", "PER"), ("b", "LOC"), ("c", "LOC")]
    assert read_spans(0, *words, change_cost=1.0) == [("a b", "PER"), ("c", "LOC")]


def test_the_next_word_says_what_a_word_is_where_it_is_heard():
    words = {"B-PER": 0.1, "B-LOC": 0.0}, {"I-LOC": 1.0, "I-PER": 0.0, "O": -1.0}
    costs = {"begin_cost": 1.0, "change_cost": 2.0}
    assert read_spans(0, *words, next_weight=0.5, **costs) == [("a b", "PER")]
    assert read_spans(1, *words, next_weight=0.0, **costs) == [("a b", "PER")]
    assert read_spans(1, *words, next_weight=0.5, **costs) == [("a b", "LOC")]
    assert read_spans(2, *words, next_weight=0.5, **costs) == [("a b", "LOC")]
    words = {"O": 0.0, "B-PER": 0.5}, {"I-PER": 0.0}  # outside, the next one would have to begin
    assert read_spans(1, *words, next_weight=0.5, **costs) == [("a b", "PER")]
    assert read_spans(0, *words, next_weight=0.5, **costs) == [("b", "PER")]


@pytest.mark.parametrize("lookahead", [1, 2])
def test_the_last_word_has_no_next(lookahead):
    marks, outputs = unsure({"O": 0.0, "B-PER": 0.8})
    after = outputs.reshape(-1, HEADS, len(TAGS))[1:, :lookahead]
    after[...] = [-9.0, -9.0, 9.0, -9.0, -9.0]  # of a word that isn't there
    *_, last = events_of(reader(begin_cost=1.0, next_weight=1.0), marks, outputs, lookahead=lookahead)
    assert spans(last) == []


def test_partials_can_be_left_out():
    assert {event.kind for event in events_of(reader(), *stream(*SENTENCES), partials=False)} == {"final"}


def test_each_row_of_a_batch_has_its_own_lookahead():
    entities_reader = reader()
    first, second = stream(SENTENCES[0]), stream("x y Rome/B-LOC z z")
    for row, lookahead, (marks, _) in ((1, 0, first), (2, 1, second)):
        entities_reader.open(row, entities_reader.parse({"lookahead": lookahead}))
        entities_reader.marks(row, marks)
    both = entities_reader.read([1, 2], np.stack([first[1], second[1]]))
    assert [spans(events[-1]) for events in both] == [
        [("Ann Lee", 0, 7, "PER"), ("Rome", 12, 16, "LOC"), ("Paris", 17, 22, "LOC")],
        [("Rome", 4, 8, "LOC")],
    ]


def test_a_whole_sentence_ends_with_its_stream():
    entities_reader = reader(1)
    entities_reader.open(1, entities_reader.parse({}))
    marks, outputs = stream("Ann/B-PER ran")
    entities_reader.marks(1, marks[:2])
    entities_reader.read([1], outputs[None, :2, : len(TAGS)])
    (final,) = entities_reader.finish(1)
    assert spans(final) == [("Ann", 0, 3, "PER")] and entities_reader.finish(1) == []


@pytest.mark.parametrize("lookahead", [-1, HEADS])
def test_a_lookahead_that_the_model_lacks_is_refused(lookahead):
    with pytest.raises(ValueError, match="options.lookahead: .*this model has 0 to 2"):
        reader().parse({"lookahead": lookahead})


def test_cards_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="in every head"):
        EntitiesReader({"a": TAGS, "b": TAGS[:3]}, {}, 1)
    with pytest.raises(ValueError, match="reader.lookahead: 1; the labels hold 1 heads"):
        EntitiesReader({"a": TAGS}, {"lookahead": 1}, 1)
