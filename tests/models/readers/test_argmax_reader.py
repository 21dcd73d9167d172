"""The plain readers: labels and greedy CTC, what they tell and when."""

import numpy as np
import pytest

from streamer.models.readers.argmax import ArgmaxReader, GreedyCtcReader

LABELS = {"extra": ["p", "q"], "letters": ["", "a", "b", " "]}
CARD = {"head": "letters", "row_ms": 10.0, "endpoint_silence_ms": 30}


def rows(labels: list[int]) -> np.ndarray:
    """Logits [1, n, 6] whose second head prefers `labels`."""
    outputs = np.zeros((1, len(labels), 6), np.float32)
    outputs[0, np.arange(len(labels)), np.array(labels, int) + 2] = 5
    outputs[0, :, 0] = 9
    return outputs


def events_of(kind: type, labels: list[int], **options) -> list:
    reader = kind(LABELS, CARD, 1)
    reader.open(1, reader.parse(options))
    return reader.read([1], rows(labels))[0] + reader.finish(1)


def test_each_stretch_of_a_label_is_told():
    events = events_of(ArgmaxReader, [0, 1, 1, 2, 0, 2], partials=False)
    assert [(e.utterance, e.through, e.alternatives[0].text) for e in events] == [
        (0, 3, "a"),
        (1, 4, "b"),
        (2, 6, "b"),
    ]
    word = events[0].alternatives[0].words[0]
    assert (word.start, word.end) == (1.0, 3.0) and 0.9 < word.confidence < 1


def test_ctc_collapses_and_ends_at_silence():
    events = events_of(GreedyCtcReader, [1, 1, 0, 1, 3, 2, 0, 0, 0, 0, 2], partials=False)
    assert [(e.kind, e.through, e.alternatives[0].text) for e in events] == [
        ("final", 9, "aa b"),
        ("final", 11, "b"),
    ]
    assert [(w.text, w.start, w.end) for w in events[0].alternatives[0].words] == [("aa", 0, 4), ("b", 5, 6)]


def test_partials_grow():
    events = events_of(GreedyCtcReader, [1, 2, 0, 1])
    assert [(e.kind, e.alternatives[0].text) for e in events] == [
        ("partial", "a"),
        ("partial", "ab"),
        ("partial", "aba"),
        ("final", "aba"),
    ]


@pytest.mark.parametrize("options", [{"x": 1}, {"partials": 3}, {"endpoint_silence_ms": -1}])
def test_bad_options_are_named(options):
    reader = ArgmaxReader(LABELS, CARD, 1)
    with pytest.raises(ValueError, match=f"^options.{next(iter(options))}: "):
        reader.parse(options)


def test_an_unknown_head_is_named():
    with pytest.raises(ValueError, match="^reader.head: 'words' is no head; there are extra, letters"):
        ArgmaxReader(LABELS, {"head": "words"}, 1)
