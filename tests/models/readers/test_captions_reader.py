"""The captions reader: its words, when they are told, and what a client may ask for."""

import numpy as np
import pytest

from streamer.models.readers.captions import captions_reader as captions
from streamer.models.readers.captions.captions_reader import CaptionsReader
from streamer.models.readers.captions.lexicon import read_lexicon
from tests.tiny_language import PHONES, babble, speak

ROWS = 4
OPTIONS = {"beam": 32, "word_insertion": 0.5, "start_level": 0.8, "end_offset_rows": 0.0}


@pytest.fixture(scope="module")
def reader(language):
    return CaptionsReader(PHONES, OPTIONS, language, ROWS)


def run(reader, logits, row=1, **options):
    """All events of one stream, read at once."""
    reader.open(row, reader.parse(options))
    return reader.read([row], logits[None])[0] + reader.finish(row)


def finals(events):
    return [event.alternatives[0].text for event in events if event.kind == "final"]


def test_words_come_out_with_rising_times(reader):
    events = run(reader, speak("ab cab dad . . . . bee dab . . . ."))
    assert finals(events) == ["ab cab dad", "bee dab"]
    words = [w for e in events if e.kind == "final" for w in e.alternatives[0].words]
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert [word.start for word in words[:3]] == [0, 4, 10]  # where their first phones are
    assert all(0 < word.confidence <= 1 for word in words)


def test_events_are_told_in_order(reader):
    events = run(reader, speak(". ab cab . . . . . dad . . . ."))
    assert [e.utterance for e in events if e.kind == "final"] == [0, 1]
    kinds = [e.kind for e in events if e.kind != "partial"]
    assert kinds == ["speech_start", "speech_stop", "final"] * 2
    assert all(a.through <= b.through for a, b in zip(events, events[1:]))


def test_a_repeated_phone_needs_a_blank(reader):
    doubled = np.repeat(speak("abba"), 3, axis=0)
    assert finals(run(reader, doubled)) == ["abba"]


def test_threads_do_not_matter(language, monkeypatch):
    streams = np.stack([babble(200, seed) for seed in range(40)])
    results = []
    for threads in (1, 3):
        monkeypatch.setattr(captions, "num_search_threads", lambda threads=threads: threads)
        reader = CaptionsReader(PHONES, OPTIONS, language, len(streams))
        rows = range(1, len(streams) + 1)
        for row in rows:
            reader.open(row, reader.parse({}))
        read = [reader.read(rows, streams[:, at : at + 50]) for at in range(0, 200, 50)]
        results.append(read + [reader.finish(row) for row in rows])
    assert results[0] == results[1]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_confirmed_in_sentences_never_changes(reader, seed):
    confirmed: dict[int, str] = {}
    logits = babble(600, seed)
    events = run(reader, logits, sentences=True, numbers=True)
    for event in (event for event in events if event.alternatives):
        best, before = event.alternatives[0], confirmed.get(event.utterance, "")
        assert best.text == " ".join(word.text for word in best.words)
        assert best.text.startswith(before) and event.confirmed >= len(before)
        confirmed[event.utterance] = best.text[: event.confirmed]
    wanted = [f"{text[0].upper()}{text[1:]}." for text in finals(run(reader, logits))]
    assert finals(events) == wanted


def test_a_sentence_that_is_cut_goes_on(language):
    options = OPTIONS | {"max_words": 16, "max_utterance_s": 20.0}
    reader = CaptionsReader(PHONES, options, language, 1)
    spoken = finals(run(reader, speak("ab cab dad " * 20), endpoint_silence_ms=0, sentences=True))
    assert len(spoken) > 2 and spoken[0].startswith("Ab ") and spoken[-1].endswith(".")
    assert all(not text.endswith(".") for text in spoken[:-1])
    assert all(text[0].islower() for text in spoken[1:])


def test_a_value_of_another_reader_is_refused(reader):
    with pytest.raises(ValueError, match="row"):
        reader.restore(1, b"short")


def test_silence_says_nothing(reader):
    silence = np.zeros((2000, len(PHONES)), np.float32)
    silence[:, 0] = 8.0
    assert run(reader, silence) == []


def test_a_click_is_no_speech(reader):
    click = speak(". . . bee . . . . .")
    click[12] = 0.0
    click[12, [0, 2]] = 5.0
    assert run(reader, click) == []


def test_partials_can_be_switched_off(reader):
    logits = speak("ab cab dad")
    assert any(e.kind == "partial" for e in run(reader, logits))
    quiet = run(reader, logits, partials=False)
    assert finals(quiet) == ["ab cab dad"]
    assert not any(e.kind == "partial" for e in quiet)


def test_the_endpoint_is_the_clients_choice(reader):
    logits = speak("ab . . cab")
    assert finals(run(reader, logits, endpoint_silence_ms=240)) == ["ab", "cab"]
    assert finals(run(reader, logits, endpoint_silence_ms=0)) == ["ab cab"]


@pytest.mark.parametrize("pause, ended", [(". .", ["ab cab", "bee"]), (". . . . . .", ["ab", "cab", "bee"])])
def test_a_pause_is_no_end_where_the_sentence_goes_on(language, pause, ended):
    options = OPTIONS | {"end_probability": 0.08, "endpoint_patience": 3.0}  # "ab" likes to be followed
    reader = CaptionsReader(PHONES, options, language, 1)
    logits = speak(f"ab {pause} cab . . . . . . . . . . bee")
    assert finals(run(reader, logits, endpoint_silence_ms=240)) == ended


def test_an_utterance_without_end_is_ended(language):
    options = OPTIONS | {"max_words": 16, "max_utterance_s": 20.0}
    reader = CaptionsReader(PHONES, options, language, 1)
    spoken = finals(run(reader, speak("ab cab dad " * 60), endpoint_silence_ms=0))
    assert " ".join(spoken).split() == ["ab", "cab", "dad"] * 60
    assert len(spoken) > 5


def test_hot_words_are_preferred(reader):
    unclear = speak("dad")
    unclear[4] = 0.0
    unclear[4, [2, 4]] = 4.0, 4.6  # B against D
    assert finals(run(reader, unclear)) == ["dad"]
    assert finals(run(reader, unclear, hot_words=["dab"])) == ["dab"]


@pytest.mark.parametrize(
    "options, name",
    [
        ({"beams": 3}, "beams"),
        ({"partials": "no"}, "partials"),
        ({"endpoint_silence_ms": -1}, "endpoint_silence_ms"),
        ({"hot_words": "dab"}, "hot_words"),
        ({"hot_words": ["zebra"]}, "hot_words"),
    ],
)
def test_bad_options_are_refused_by_name(reader, options, name):
    with pytest.raises(ValueError, match=rf"^options\.{name}: "):
        reader.parse(options)


def test_files_that_do_not_fit_are_refused(language, tmp_path):
    with pytest.raises(ValueError, match="missing.bin"):
        CaptionsReader(PHONES, {"lexicon": "missing.bin"}, language, 1)
    with pytest.raises(ValueError, match="streamer trigram 3"):
        CaptionsReader(PHONES, {"language_model": "lexicon.bin"}, language, 1)
    whole = (language / "lexicon.bin").read_bytes()
    (tmp_path / "lexicon.bin").write_bytes(whole[:-5])
    with pytest.raises(ValueError, match="lexicon.bin"):
        read_lexicon(tmp_path / "lexicon.bin", len(PHONES) - 1)
    with pytest.raises(ValueError, match="phones"):
        read_lexicon(language / "lexicon.bin", 39)
