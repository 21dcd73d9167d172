"""The plain readers: labels and greedy CTC, the same events however the rows are cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.models.readers.argmax import ArgmaxReader, GreedyCtcReader

LABELS = {"extra": ["p", "q"], "letters": ["", "a", "b", " "]}
CARD = {"head": "letters", "row_ms": 10.0, "endpoint_silence_ms": 30}


def rows(labels: list[int]) -> np.ndarray:
    """Logits [1, n, 6] whose second head prefers `labels`."""
    outputs = np.zeros((1, len(labels), 6), np.float32)
    outputs[0, np.arange(len(labels)), np.array(labels, int) + 2] = 5
    outputs[0, :, 0] = 9
    return outputs


def said(kind: type, labels: list[int], cuts: list[int] = (), **options) -> list:
    reader = kind(LABELS, CARD, 2)
    reader.open(1, reader.parse(options))
    events, at = [], 0
    for count in [*cuts, len(labels)]:
        if labels[at : at + count]:
            events += reader.read([1], rows(labels[at : at + count]))[0]
        # The row's condition is a value.
        reader.restore(1, reader.save(1))
        at += count
    return events + reader.finish(1)


def test_each_stretch_of_a_label_is_told():
    events = said(ArgmaxReader, [0, 1, 1, 2, 0, 2], partials=False)
    assert [(e.utterance, e.through, e.alternatives[0].text) for e in events] == [
        (0, 3, "a"),
        (1, 4, "b"),
        (2, 6, "b"),
    ]
    word = events[0].alternatives[0].words[0]
    assert (word.start, word.end) == (1.0, 3.0) and 0.9 < word.confidence < 1


def test_ctc_collapses_and_ends_at_silence():
    events = said(GreedyCtcReader, [1, 1, 0, 1, 3, 2, 0, 0, 0, 0, 2], partials=False)
    assert [(e.kind, e.through, e.alternatives[0].text) for e in events] == [
        ("final", 9, "aa b"),
        ("final", 11, "b"),
    ]
    assert [(w.text, w.start, w.end) for w in events[0].alternatives[0].words] == [("aa", 0, 4), ("b", 5, 6)]


def test_partials_grow():
    events = said(GreedyCtcReader, [1, 2, 0, 1])
    assert [(e.kind, e.alternatives[0].text) for e in events] == [
        ("partial", "a"),
        ("partial", "ab"),
        ("partial", "aba"),
        ("final", "aba"),
    ]


@pytest.mark.parametrize("kind", [ArgmaxReader, GreedyCtcReader])
@given(labels=st.lists(st.integers(0, 3), max_size=25), cuts=st.lists(st.integers(0, 6), max_size=6))
def test_cuts_do_not_matter(kind, labels, cuts):
    assert said(kind, labels, cuts) == said(kind, labels)


@pytest.mark.parametrize("kind", [ArgmaxReader, GreedyCtcReader])
@given(
    labels=st.lists(st.integers(0, 3), min_size=3, max_size=25),
    drained=st.integers(0, 3),
    again=st.integers(0, 3),
)
def test_a_flush_reads_its_rows_once(kind, labels, drained, again):
    reader = kind(LABELS, CARD, 1)
    reader.open(1, reader.parse({"partials": False}))
    half = len(labels) // 2
    events = reader.read([1], rows(labels[:half]))[0]
    for count in (drained, max(drained, again)):
        events += reader.flush(1, rows(labels[half : half + count])[0])
    events += reader.read([1], rows(labels[half:]))[0] + reader.finish(1)
    assert all(event.kind == "final" for event in events)
    assert [e.through for e in events] == sorted(e.through for e in events)
    assert [e.utterance for e in events] == list(range(len(events)))
    assert reader.rows[1].through == max(len(labels), 0)
    letters = "".join(e.alternatives[0].text for e in events).replace(" ", "")
    whole = "".join(e.alternatives[0].text for e in said(kind, labels, partials=False))
    # A label that sounds through the flush is told on both of its sides, and no row twice.
    assert len(whole.replace(" ", "")) <= len(letters) <= len(whole.replace(" ", "")) + 2


@pytest.mark.parametrize("options", [{"x": 1}, {"partials": 3}, {"endpoint_silence_ms": -1}])
def test_bad_options_are_named(options):
    reader = ArgmaxReader(LABELS, CARD, 1)
    with pytest.raises(ValueError, match=f"^options.{next(iter(options))}: "):
        reader.parse(options)


def test_an_unknown_head_is_named():
    with pytest.raises(ValueError, match="^reader.head: 'words' is no head; there are extra, letters"):
        ArgmaxReader(LABELS, {"head": "words"}, 1)
