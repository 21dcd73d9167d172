"""The commands reader: what it tells and when."""

import numpy as np
import pytest

from streamer.models.readers.commands.commands_reader import CommandsReader

LABELS = {"words": ["", "unknown", "yes", "no"], "phones": ["", "AA", "S"]}
BLANK, UNKNOWN, YES, NO = range(4)
OPTIONS = {"word_rows": {"yes": 6.0}, "end_offset_rows": -4.0, "start_level": 1.5, "stop_rows": 5}
ROWS = 3


@pytest.fixture
def reader():
    return CommandsReader(LABELS, OPTIONS, ROWS)


def outputs(*words, voiced=()):
    """Logits [n, 7] that are sure of one word a row; the rows in `voiced` sound."""
    rows = np.zeros((len(words), 7), np.float32)
    rows[np.arange(len(words)), list(words)] = 12.0
    rows[:, 4] = 12.0
    rows[list(voiced), 5] = 24.0
    return rows


def quiet(rows):
    return [BLANK] * rows


def run(reader, logits, **options):
    """All events of one stream, read at once."""
    reader.open(1, reader.parse(options))
    return reader.read([1], logits[None])[0] + reader.finish(1)


def finals(events):
    return [event.alternatives[0].text for event in events if event.kind == "final"]


def test_a_word_is_a_final_in_the_row_that_is_sure(reader):
    events = run(reader, outputs(*quiet(20), YES, YES, YES, *quiet(10), NO, NO, *quiet(5)))
    assert finals(events) == ["yes", "no"]
    first, second = events
    assert (first.utterance, first.through, first.confirmed) == (0, 22, 3)
    (word,) = first.alternatives[0].words
    assert (word.start, word.end) == (12.0, 18.0)
    assert 0.99 < word.confidence <= 1
    assert (second.utterance, second.through) == (1, 35)


def test_one_row_alone_or_doubt_says_nothing(reader):
    assert finals(run(reader, outputs(*quiet(5), YES, *quiet(5), NO, *quiet(5)))) == []
    doubt = outputs(*quiet(5), YES, YES, YES, *quiet(5))
    doubt[:, NO] = np.maximum(doubt[:, NO], doubt[:, YES] + 0.5)
    assert finals(run(CommandsReader(LABELS, {"threshold": 0.7}, 1), doubt)) == []


def test_a_word_of_its_own_threshold():
    doubt = outputs(*quiet(5), YES, YES, *quiet(9), NO, NO)
    doubt[doubt[:, BLANK] == 0, BLANK] = 11.0  # p of the words 0.73
    wary = CommandsReader(LABELS, {"threshold": 0.6, "thresholds": {"yes": 0.8}}, 1)
    assert finals(run(wary, doubt)) == ["no"]


def test_a_word_in_doubt_between_two_is_the_likelier_one():
    doubt = outputs(*quiet(5), YES, YES, *quiet(9))
    doubt[doubt[:, YES] > 0, NO] = 11.5  # p 0.62 and 0.38
    lenient = {"threshold": 0.3, "vocabulary_threshold": 0.9}
    assert finals(run(CommandsReader(LABELS, lenient, 1), doubt)) == ["yes"]
    doubt[:, BLANK] = 12.0  # and now a third of it is for no word at all
    assert finals(run(CommandsReader(LABELS, lenient, 1), doubt)) == []


def test_a_repeated_word_needs_a_pause_and_another_word_a_shorter_one(reader):
    assert finals(run(reader, outputs(*[YES] * 11))) == ["yes"]
    assert finals(run(reader, outputs(YES, YES, *quiet(10), YES, YES))) == ["yes", "yes"]
    assert finals(run(reader, outputs(YES, YES, BLANK, NO, NO))) == ["yes", "no"]


def test_unknown_words_are_told_only_where_a_stream_asks(reader):
    logits = outputs(*quiet(3), UNKNOWN, UNKNOWN, *quiet(9), YES, YES)
    assert finals(run(reader, logits)) == ["yes"]
    assert finals(run(reader, logits, unknown=True)) == ["unknown", "yes"]


def test_silence_says_nothing(reader):
    assert run(reader, outputs(*quiet(500))) == []


def test_speech_starts_and_stops_by_the_phones(reader):
    logits = outputs(*quiet(12), YES, YES, *quiet(20), voiced=range(6, 13))
    events = run(reader, logits)
    assert [(e.kind, e.through) for e in events] == [("speech_start", 8), ("final", 14), ("speech_stop", 18)]
    open_ended = run(reader, outputs(*quiet(10), voiced=range(10)))
    assert [(e.kind, e.through) for e in open_ended] == [("speech_start", 2), ("speech_stop", 10)]


def test_a_card_without_phones_has_words_alone():
    reader = CommandsReader({"words": LABELS["words"]}, {}, 1)
    assert finals(run(reader, outputs(YES, YES)[:, :4])) == ["yes"]


def test_a_value_of_another_reader_is_refused(reader):
    with pytest.raises(ValueError, match="don't hold a row"):
        reader.restore(1, b"short")


def test_options_in_force(reader):
    in_force = {"partials": False, "endpoint_silence_ms": 0, "unknown": False}
    assert reader.parse({"partials": True, "endpoint_silence_ms": 300}) == in_force


@pytest.mark.parametrize("options", [{"hot_words": []}, {"unknown": 1}, {"endpoint_silence_ms": -1}])
def test_bad_options_are_named(reader, options):
    with pytest.raises(ValueError, match=rf"options\.{next(iter(options))}: "):
        reader.parse(options)


def test_a_card_that_does_not_fit():
    with pytest.raises(ValueError, match=r"reader\.threshold: "):
        CommandsReader(LABELS, {"threshold": 2}, 1)
    with pytest.raises(ValueError, match="'maybe' is no word"):
        CommandsReader(LABELS, {"thresholds": {"maybe": 0.5}}, 1)


def test_amid_talk_a_word_must_be_surer():
    options = OPTIONS | {"talk_threshold": 0.9, "talk_rows": 4, "talk_level": 2.0, "talk_fading": 0.9}
    reader = CommandsReader(LABELS, options, ROWS)
    doubtful = outputs(*[BLANK] * 8, YES, YES, *quiet(8), voiced=range(18))
    doubtful[8:10, BLANK] = 11.0  # yes at 0.73
    talk = outputs(UNKNOWN, UNKNOWN, UNKNOWN, voiced=range(3))
    assert finals(run(reader, doubtful)) == ["yes"]
    assert finals(run(reader, np.concatenate([talk, doubtful]))) == ["yes"]  # what it has heard fades
    amid = np.concatenate([talk, doubtful[5:]])
    assert finals(run(reader, amid)) == []
    clear = outputs(*quiet(3), YES, YES, YES, voiced=range(6))
    assert finals(run(reader, np.concatenate([talk, clear]))) == ["yes"]
    called = CommandsReader(LABELS, options | {"talk_thresholds": {"yes": 0.7}}, ROWS)
    assert finals(run(called, amid)) == ["yes"]


def test_a_second_word_soon_after_another_must_be_surer():
    reader = CommandsReader(LABELS, OPTIONS | {"second_threshold": 0.9, "second_rows": 15}, ROWS)
    first, second = outputs(YES, YES), outputs(NO, NO)
    second[:, BLANK] = 11.0  # no at 0.73
    soon = np.concatenate([first, outputs(*quiet(8)), second])
    late = np.concatenate([first, outputs(*quiet(15)), second])
    assert finals(run(reader, soon)) == ["yes"]
    assert finals(run(reader, late)) == ["yes", "no"]


DOUBT = OPTIONS | {"doubt_threshold": 0.4, "doubt_rows": 3, "doubt_shortest": 5, "doubt_longest": 12}


def in_doubt(before, after, voiced=8):
    """An utterance that says yes at 0.27 in two rows of `voiced`, with quiet rows round it."""
    logits = outputs(*quiet(before + voiced + after), voiced=range(before, before + voiced))
    logits[before + voiced - 2 : before + voiced, YES] = 11.0
    return logits


def test_an_utterance_in_doubt_tells_its_likeliest_word_when_it_is_over():
    reader = CommandsReader(LABELS, DOUBT, ROWS)
    assert finals(run(CommandsReader(LABELS, OPTIONS, 1), in_doubt(10, 20))) == []
    (final,) = (e for e in run(reader, in_doubt(10, 20)) if e.kind == "final")
    assert final.through == 21  # the third row of silence
    (closed,) = (e for e in run(reader, in_doubt(10, 0)) if e.kind == "final")
    assert closed.through == 18
    assert finals(run(reader, np.concatenate([in_doubt(10, 10)] * 3))) == ["yes"] * 3


def test_what_is_too_long_too_short_or_told_already_is_in_no_doubt():
    reader = CommandsReader(LABELS, DOUBT, ROWS)
    assert finals(run(reader, in_doubt(10, 20, voiced=20))) == []
    assert finals(run(reader, in_doubt(10, 20, voiced=2))) == []
    reported = in_doubt(10, 20)
    reported[11:13, NO] = 24.0
    assert finals(run(reader, reported)) == ["no"]
    other = in_doubt(10, 20)
    other[12:14, UNKNOWN] = 24.0
    wary = CommandsReader(LABELS, DOUBT | {"doubt_share": 0.5}, ROWS)
    assert finals(run(wary, other)) == []


def test_a_flush_tells_a_word_in_doubt_once():
    reader = CommandsReader(LABELS, DOUBT, ROWS)
    logits = in_doubt(10, 20)
    reader.open(1, reader.parse({}))
    events = reader.read([1], logits[None, :15])[0] + reader.flush(1, logits[15:18])
    assert finals(events) == ["yes"]
    assert finals(reader.read([1], logits[None, 15:])[0] + reader.finish(1)) == []
