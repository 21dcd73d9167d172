"""The summary readers: which words are told, when, and that no cut changes it."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.models.readers.text.summary_reader import SummaryReader, WholeSummaryReader

COLUMNS = 3
LABELS = {"other": ["x"], "keep": ["0", "1", "2"]}
TAIL = COLUMNS - 1


class Mark(NamedTuple):
    start: int
    end: int
    text: str
    kind: str


def reader() -> SummaryReader:
    return SummaryReader(LABELS, {"thresholds": [0.5, 0.5, 0.5], "lookahead": 1}, 2)


def stream(*sentences: dict[str, bool]) -> tuple[list[Mark], np.ndarray]:
    """Marks and outputs of sentences whose words are to be kept or not, whatever the column."""
    marks, keeps, at = [], [], 0
    for sentence in sentences:
        for word in sentence:
            marks.append(Mark(at, at + len(word), word, "token"))
            at += len(word) + 1
        marks += [Mark(at, at, "", "empty")] * TAIL
        keeps.append([*sentence.values()])
    outputs = np.full((len(marks), 1 + COLUMNS), -99.0, np.float32)
    row = 0
    for keep in keeps:
        for column in range(COLUMNS):
            for place, kept in enumerate(keep):
                outputs[row + place + column, 1 + column] = 2.0 if kept else -2.0
        row += len(keep) + TAIL
    return marks, outputs


def told(reader, marks, outputs, cuts=(), lookahead=1, partials=True):
    reader.open(1, reader.parse({"lookahead": lookahead, "partials": partials}))
    events = []
    for some, rows in zip(np.split(np.arange(len(marks)), list(cuts)), np.split(outputs, list(cuts))):
        reader.marks(1, [marks[i] for i in some])
        events += reader.read([1], rows[None])[0]
        value = reader.save(1)
        reader.open(1, reader.parse({}))
        reader.restore(1, value)
    return events + reader.finish(1)


SENTENCES = {"a": True, "bee": False, "sea": True}, {"dee": False}, {"e": True, ".": True}


@pytest.mark.parametrize("lookahead", range(COLUMNS))
def test_each_lookahead_tells_the_same_words_and_waits_as_long_as_it_says(lookahead):
    events = told(reader(), *stream(*SENTENCES), lookahead=lookahead)
    finals = [event for event in events if event.kind == "final"]
    assert [final.alternatives[0].text for final in finals] == ["a sea", "", "e ."]
    assert [final.utterance for final in finals] == [0, 1, 2]
    words = finals[0].alternatives[0].words
    assert [(word.text, word.start, word.end) for word in words] == [("a", 0, 1), ("sea", 6, 9)]
    first = events[0]
    assert (first.kind, first.alternatives[0].text, first.through) == ("partial", "a", 1 + lookahead)


def test_partials_grow_and_can_be_left_out():
    texts = [event.alternatives[0].text for event in told(reader(), *stream(*SENTENCES))]
    assert texts == ["a", "a sea", "a sea", "", "e", "e .", "e ."]
    kinds = {event.kind for event in told(reader(), *stream(*SENTENCES), partials=False)}
    assert kinds == {"final"}


@given(cuts=st.sets(st.integers(1, 11)), lookahead=st.integers(0, TAIL))
def test_cuts_and_saving_change_nothing(cuts, lookahead):
    marks, outputs = stream(*SENTENCES)
    whole = told(reader(), marks, outputs, lookahead=lookahead)
    assert told(reader(), marks, outputs, sorted(cuts), lookahead) == whole


def test_a_stream_that_ends_within_a_sentence_tells_what_it_kept():
    marks, outputs = stream(*SENTENCES)
    *_, last = told(reader(), marks[:3], outputs[:3], lookahead=2)
    assert (last.kind, last.alternatives[0].text) == ("final", "a")


def test_a_flush_ends_the_sentence():
    marks, outputs = stream(SENTENCES[0])
    one = reader()
    one.open(1, one.parse({"lookahead": 2}))
    one.marks(1, marks)
    one.read([1], outputs[None, :3])
    *_, last = one.flush(1, outputs[3:])
    assert (last.kind, last.alternatives[0].text) == ("final", "a sea")


@pytest.mark.parametrize("lookahead", [-1, COLUMNS])
def test_a_lookahead_that_the_model_lacks_is_refused(lookahead):
    with pytest.raises(ValueError, match="options.lookahead: .*this model has 0 to 2"):
        reader().parse({"lookahead": lookahead})


def test_cards_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 columns"):
        SummaryReader(LABELS, {"thresholds": [0.5]}, 1)
    with pytest.raises(ValueError, match="head 'keep'"):
        SummaryReader({"words": ["x"]}, {"thresholds": [0.5]}, 1)


def test_the_whole_reader_keeps_what_makes_the_expected_f1_highest():
    one = WholeSummaryReader({"keep": ["keep"]}, {}, 1)
    one.open(1, one.parse({}))
    one.marks(1, [Mark(i, i + 1, word, "token") for i, word in enumerate("abcd")])
    # Of 0.9 alone: 1.8 / 2.95 = 0.61; with 0.45 it is 2.7 / 3.95 = 0.68; with 0.4, 3.5 / 4.95 = 0.71;
    # and with 0.2 it falls to 3.9 / 5.95 = 0.66.
    p = np.array([0.9, 0.2, 0.4, 0.45])
    assert one.read([1], np.log(p / (1 - p))[None, :, None]) == [[]]
    (final,) = one.finish(1)
    assert final.alternatives[0].text == "a c d"
