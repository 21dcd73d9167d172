"""The sentiment reader: an opinion after each word, a verdict at the end."""

import numpy as np
import pytest

from streamer.models.feeders.text import Mark
from streamer.models.readers.text.sentiment_reader import SentimentReader
from tests.readers import Recording, marks_of, read

LABELS = {"two": ["negative", "positive"], "three": ["bad", "so so", "good"]}


def reader() -> SentimentReader:
    return SentimentReader(LABELS, {}, 1)


def stream(*sentences: list[float]) -> tuple[list[Mark], np.ndarray]:
    """Marks and outputs of sentences of one-letter words, whose numbers say how positive they are."""
    outputs = []
    for sentence in sentences:
        outputs += [[0, score, -score, 0, score] for score in sentence]
        outputs.append([9, -9, 0, 0, 0])  # what stands after a sentence's end doesn't count
    return marks_of(["w" * len(sentence) for sentence in sentences], 1), np.array(outputs, np.float32)


def events_of(reader, marks, outputs, **options):
    reader.open(1, reader.parse(options))
    return read(reader, 1, Recording(outputs, marks)) + reader.finish(1)


SENTENCES = [1.0, -2.0], [3.0], [-1.0, 2.0, 4.0]


def test_an_opinion_after_each_word_and_a_verdict_after_the_last():
    events = events_of(reader(), *stream(*SENTENCES))
    assert [(event.kind, event.utterance, event.alternatives[0].text) for event in events] == [
        ("partial", 0, "positive"),
        ("partial", 0, "negative"),
        ("final", 0, "negative"),
        ("partial", 1, "positive"),
        ("final", 1, "positive"),
        ("partial", 2, "negative"),
        ("partial", 2, "positive"),
        ("partial", 2, "positive"),
        ("final", 2, "positive"),
    ]
    final = events[2]
    assert [alternative.text for alternative in final.alternatives] == ["negative", "positive"]
    assert sum(alternative.confidence for alternative in final.alternatives) == pytest.approx(1)
    (word,) = events[-1].alternatives[0].words
    assert (word.start, word.end) == (6, 11)
    assert (events[0].confirmed, final.confirmed) == (0, len("negative"))


def test_a_stream_chooses_how_many_classes():
    events = events_of(reader(), *stream(*SENTENCES), classes=3, partials=False)
    assert [event.alternatives[0].text for event in events] == ["bad", "good", "good"]
    assert [len(event.alternatives) for event in events] == [3, 3, 3]
    with pytest.raises(ValueError, match="options.classes: 5; this model has 2 or 3"):
        reader().parse({"classes": 5})


def test_a_stream_and_a_flush_end_the_sentence():
    marks, outputs = stream([1.0, 2.0])
    *_, last = events_of(reader(), marks[:1], outputs[:1])
    assert (last.kind, last.alternatives[0].text) == ("final", "positive")
    sentiment_reader = reader()
    sentiment_reader.open(1, sentiment_reader.parse({}))
    sentiment_reader.marks(1, marks[:2])
    sentiment_reader.read([1], outputs[None, :2])
    (final,) = sentiment_reader.flush(1, outputs[:0])
    assert final.kind == "final" and sentiment_reader.flush(1, outputs[:0]) == []


def test_heads_of_as_many_classes_are_refused():
    with pytest.raises(ValueError, match="two heads of 2 classes"):
        SentimentReader({"a": ["x", "y"], "b": ["z", "w"]}, {}, 1)
