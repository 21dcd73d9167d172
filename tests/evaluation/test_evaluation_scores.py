"""Scores against examples worked by hand."""

import numpy as np
import pytest

from streamer.evaluation.command_scores import accuracy, is_right, words_per_minute
from streamer.evaluation.error_rates import error_rates, plain
from streamer.evaluation.recordings import Recording, SpokenWord, join, join_to_length
from streamer.evaluation.spliced import Spliced, SplicedPart, score, splice
from streamer.evaluation.word_delays import Shown, summarise, word_delays


def tone(seconds: float, rate_hz: int = 16000, text: str = "", words=None) -> Recording:
    return Recording("r", text, np.full(round(seconds * rate_hz), 0.1, np.float32), rate_hz, words)


def test_plain_keeps_letters_apostrophe_and_space():
    assert plain("  It's 5 o'clock,\tWELL-known!\n") == "it's o'clock wellknown"


def test_errors_are_pooled_over_the_file():
    # 1 substitution of 2 words, and 1 deletion + 1 insertion of 4: 3 errors of 6 words.
    rates = error_rates(["a cat", "b c d e"], ["a hat", "b d e f"])
    assert rates.wer == pytest.approx(3 / 6)
    # One letter of "a cat" (5) and three of "b c d e" (7) are others.
    assert rates.cer == pytest.approx(4 / 12)


def test_words_said_where_there_is_no_text_are_insertions():
    assert error_rates(["", "yes"], ["no no", "Yes."]).wer == 2.0
    assert error_rates([""], ["no"]).wer is None


def shown(utterance: int, heard: float, *words: tuple[str, float], final: bool = False) -> Shown:
    return Shown(utterance, final, heard, tuple(SpokenWord(w, start, start + 0.2) for w, start in words))


def test_delay_runs_from_the_end_of_a_word_to_its_first_appearance():
    spoken = [SpokenWord("the", 0.1, 0.3), SpokenWord("cat", 0.3, 0.7), SpokenWord("the", 0.8, 1.0)]
    words = ("the", 0.1), ("cat", 0.4), ("the", 0.8)
    results = [
        shown(0, 0.4, *words[:1]),
        shown(0, 0.9, *words[:2]),
        shown(0, 1.2, *words),
        shown(0, 1.5, *words, final=True),
    ]
    assert word_delays(spoken, results) == pytest.approx([0.1, 0.2, 0.2])
    assert summarise([0.1, 0.2, 0.2]).mean_ms == pytest.approx(500 / 3)


def test_words_that_were_not_found_have_no_delay():
    spoken = [SpokenWord("yes", 0.0, 0.5), SpokenWord("sir", 0.5, 1.0)]
    assert word_delays(spoken, [shown(0, 0.9, ("yes", 0.1), ("so", 0.5), final=True)]) == pytest.approx([0.4])
    assert word_delays(spoken, []) == []
    assert summarise([]).p95_ms is None


def test_a_word_far_from_where_it_was_spoken_is_another():
    spoken = [SpokenWord("the", 9.0, 9.2)]
    assert word_delays(spoken, [shown(0, 1.5, ("the", 1.0), final=True)]) == []


def test_a_word_of_a_later_utterance_is_looked_for_there():
    spoken = [SpokenWord("go", 0.0, 0.5), SpokenWord("go", 2.0, 2.5)]
    results = [
        shown(0, 0.8, ("go", 0.1), final=True),
        shown(1, 2.6, ("go", 2.1)),
        shown(1, 3.0, ("go", 2.1), final=True),
    ]
    assert word_delays(spoken, results) == pytest.approx([0.3, 0.1])


def test_joined_recordings_keep_the_places_of_their_words():
    first = tone(1.0, text="a", words=(SpokenWord("a", 0.2, 0.4),))
    second = tone(0.5, rate_hz=8000, text="b", words=(SpokenWord("b", 0.1, 0.2),))
    joined = join("both", [first, second], silence_seconds=0.25)
    assert (joined.text, joined.rate_hz, joined.seconds) == ("a b", 16000, pytest.approx(2.0))
    assert joined.words[1].start == pytest.approx(1.35)
    assert join("unknown", [first, tone(1.0, text="c")]).words is None


def test_joining_to_a_length_loses_no_recording():
    joined = join_to_length([tone(1.0, text="a")] * 5, minutes=2 / 60, silence_seconds=0.0)
    assert [j.text for j in joined] == ["a a", "a a", "a"]


def test_splicing_is_the_same_for_the_same_seed():
    clips = [tone(1.0, text="yes"), tone(1.0, text="backward")]
    background = [tone(2.0, text="and no more"), tone(3.0)]
    first, again = (splice(clips, background, {"yes", "no"}, minutes=1, seed=3) for _ in range(2))
    assert [s.pieces for s in first] == [s.pieces for s in again]
    assert sorted(p.words for p in first[0].pieces) == [(), ("no",), ("yes",)]
    np.testing.assert_array_equal(first[0].recording.samples, again[0].recording.samples)


def test_recall_and_false_words_of_a_running_stream():
    pieces = (
        SplicedPart("clip", ("yes",), 0.0, 1.0),
        SplicedPart("background", ("no",), 1.0, 1801.0),
        SplicedPart("clip", ("stop",), 1801.0, 1802.0),
        SplicedPart("background", (), 1802.0, 3602.0),
    )
    heard = [
        SpokenWord("yes", 0.8, 1.2),  # recalled, though it ends late
        SpokenWord("no", 500.0, 500.3),  # truly said in the conversation
        SpokenWord("no", 900.0, 900.3),  # false
        SpokenWord("unknown", 901.0, 901.3),  # allowed: conversation is unknown words
        SpokenWord("go", 1801.2, 1801.5),  # a confusion within a clip: a miss, no false word
        SpokenWord("up", 3000.0, 3000.2),  # false
    ]
    result = score([(Spliced(tone(1.0), pieces), heard)], {"yes", "no", "stop", "go", "up"})
    assert (result.recall, result.clip_words, result.false_words) == (0.5, 2, 2)
    assert result.false_words_per_hour == pytest.approx(2.0)


@pytest.mark.parametrize(
    "reference, heard, right",
    [
        ("yes", ["yes"], True),
        ("yes", [], False),
        ("yes please", ["yes", "unknown"], True),  # "please" is outside: unknown, struck
        ("yes please", ["yes"], True),
        ("please yes", ["unknown", "yes", "unknown"], True),
        ("yes no", ["no", "yes"], False),
        ("please", [], True),
        ("please", ["yes"], False),
        ("", [], True),
        ("", ["unknown"], False),  # where there is no text nothing may be heard
    ],
)
def test_a_command_is_right_when_its_known_words_are(reference, heard, right):
    assert is_right(reference, heard, ("yes", "no", "unknown")) is right


def test_accuracy_is_a_share_of_utterances():
    assert accuracy(["yes", "no", "", "no"], [["yes"], ["yes"], [], []], ("yes", "no")) == 0.5
    assert accuracy([], [], ("yes",)) is None
    assert words_per_minute(3, 90.0) == 2.0
