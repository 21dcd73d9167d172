"""The summary readers: which words are told, when."""

import numpy as np
import pytest

from streamer.models.feeders.text import Mark
from streamer.models.readers.text.summary_reader import SummaryReader, WholeSummaryReader
from tests.readers import Recording, marks_of, read

COLUMNS = 3
LABELS = {"other": ["x"], "keep": ["0", "1", "2"]}
TAIL = COLUMNS - 1


def reader() -> SummaryReader:
    return SummaryReader(LABELS, {"thresholds": [0.5, 0.5, 0.5], "lookahead": 1}, 2)


def stream(*sentences: dict[str, bool]) -> tuple[list[Mark], np.ndarray]:
    """Marks and outputs of sentences whose words are to be kept or not, whatever the column."""
    marks = marks_of(sentences, TAIL)
    outputs = np.full((len(marks), 1 + COLUMNS), -99.0, np.float32)
    row = 0
    for sentence in sentences:
        for column in range(COLUMNS):
            for place, kept in enumerate(sentence.values()):
                outputs[row + place + column, 1 + column] = 2.0 if kept else -2.0
        row += len(sentence) + TAIL
    return marks, outputs


def events_of(reader, marks, outputs, lookahead=1, partials=True):
    reader.open(1, reader.parse({"lookahead": lookahead, "partials": partials}))
    return read(reader, 1, Recording(outputs, marks)) + reader.finish(1)


SENTENCES = {"a": True, "bee": False, "sea": True}, {"dee": False}, {"e": True, ".": True}


@pytest.mark.parametrize("lookahead", range(COLUMNS))
def test_each_lookahead_tells_the_same_words_and_waits_as_long_as_it_says(lookahead):
    events = events_of(reader(), *stream(*SENTENCES), lookahead=lookahead)
    finals = [event for event in events if event.kind == "final"]
    assert [final.alternatives[0].text for final in finals] == ["a sea", "", "e ."]
    assert [final.utterance for final in finals] == [0, 1, 2]
    words = finals[0].alternatives[0].words
    assert [(word.text, word.start, word.end) for word in words] == [("a", 0, 1), ("sea", 6, 9)]
    first = events[0]
    assert (first.kind, first.alternatives[0].text, first.through) == ("partial", "a", 1 + lookahead)


def test_partials_grow_and_can_be_left_out():
    texts = [event.alternatives[0].text for event in events_of(reader(), *stream(*SENTENCES))]
    assert texts == ["a", "a sea", "a sea", "", "e", "e .", "e ."]
    kinds = {event.kind for event in events_of(reader(), *stream(*SENTENCES), partials=False)}
    assert kinds == {"final"}


def test_a_stream_that_ends_within_a_sentence_tells_what_it_kept():
    marks, outputs = stream(*SENTENCES)
    *_, last = events_of(reader(), marks[:3], outputs[:3], lookahead=2)
    assert (last.kind, last.alternatives[0].text) == ("final", "a")


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
    summary_reader = WholeSummaryReader({"keep": ["keep"]}, {}, 1)
    summary_reader.open(1, summary_reader.parse({}))
    summary_reader.marks(1, marks_of(["abcd"], 0))
    # Of 0.9 alone: 1.8 / 2.95 = 0.61; with 0.45 it is 2.7 / 3.95 = 0.68; with 0.4, 3.5 / 4.95 = 0.71;
    # and with 0.2 it falls to 3.9 / 5.95 = 0.66.
    p = np.array([0.9, 0.2, 0.4, 0.45])
    assert summary_reader.read([1], np.log(p / (1 - p))[None, :, None]) == [[]]
    (final,) = summary_reader.finish(1)
    assert final.alternatives[0].text == "a c d"
