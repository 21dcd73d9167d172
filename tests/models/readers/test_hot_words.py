"""Hot words that no lexicon has: how they sound, and when they are heard."""

import numpy as np
import pytest

from streamer.errors import OptionError, WrongCall
from streamer.evaluation.transcribed import Transcribed, hot_word_figures
from streamer.models.readers.captions.captions_reader import CaptionsReader
from streamer.models.readers.captions.pronunciation import LONGEST, MOST, read_pronouncer
from streamer.models.training.language.graphones import Unit
from streamer.models.training.language.letter_sounds import KEPT_ASIDE, learnt, right_shares
from streamer.offline.caption_options import CaptionOptions, parse_hot_words
from tests.models.readers.test_captions_reader import OPTIONS, ROWS, finals, run
from tests.tiny_language import PHONES, WORDS, babble, speak

STRANGE = {
    "acd": "ACD",
    "dacca": "DACCA",
    "ecb": "CCB",
    "abbcad": "ABBCAD",
    "cd": "CD",
    "ac": "AC",
    "cba": "CBA",
    "aca": "ACA",
}
A, B, C, D = 1, 2, 3, 4


@pytest.fixture(scope="module")
def reader(language):
    return CaptionsReader(PHONES, OPTIONS | {"sounds": "sounds.bin"}, language, ROWS)


@pytest.fixture(scope="module")
def pronouncer(language):
    return read_pronouncer(language / "sounds.bin", len(PHONES) - 1)


def hear(reader, text, *hot, **options):
    return finals(run(reader, speak(text, strange=STRANGE), hot_words=list(hot), **options))


def test_a_word_sounds_as_its_units_do(pronouncer):
    assert pronouncer.pronounce("acd") == ((A, C, D),)
    assert pronouncer.pronounce("bad") == ((B, A, D),)
    assert pronouncer.pronounce("fa") == ((C, D, A),)


def test_a_word_that_sounds_in_several_ways_has_them_all_best_first(pronouncer):
    assert pronouncer.pronounce("be") == ((B, A), (B, C))
    ways = pronouncer.pronounce("eeb")
    assert ways[0] == (A, A, B) and set(ways) == {(A, A, B), (A, C, B), (C, A, B), (C, C, B)}
    assert len(pronouncer.pronounce("eeeeeb")) == MOST
    assert pronouncer.pronounce("ga") == ((D, A),)  # the other way is too unlikely


def test_two_cuts_of_one_sound_are_one_way(pronouncer):
    assert pronouncer.pronounce("fcd") == ((C, D, C, D),)
    assert pronouncer.pronounce("ff") == ((C, D, C, D),)


@pytest.mark.parametrize("word", ["", "z", "az", "a" * (LONGEST + 1)])
def test_what_no_units_spell_has_no_sound(pronouncer, word):
    assert pronouncer.pronounce(word) == ()


def test_the_longest_word_is_pronounced(pronouncer):
    assert pronouncer.pronounce("a" * LONGEST) == ((A,) * LONGEST,)


def test_a_word_that_the_lexicon_lacks_is_heard_where_it_is_expected(reader):
    assert hear(reader, "ab acd dad") != ["ab acd dad"]
    assert hear(reader, "ab acd dad", "acd") == ["ab acd dad"]
    assert hear(reader, "acd . . . . dacca", "acd Dacca") == ["acd", "dacca"]


def test_it_is_heard_in_each_of_its_ways(reader):
    assert hear(reader, "ab ecb dad", "ecb") == ["ab ecb dad"]


def test_it_is_not_heard_where_it_is_not_said(reader):
    assert hear(reader, "ab cab dad bee", "acd", "dacca") == ["ab cab dad bee"]


def test_it_is_said_from_its_beginning_to_its_end(reader):
    assert "acd" not in hear(reader, "ab cd dad", "acd")[0]
    assert "acd" not in hear(reader, "ab ac . . . .", "acd")[0]
    assert hear(reader, "acd cba", "acd", "cba") == ["acd cba"]  # not one word of both


def test_a_phone_said_twice_needs_a_blank_in_it_too(reader):
    doubled = np.repeat(speak("aca", strange=STRANGE), 3, axis=0)
    assert finals(run(reader, doubled, hot_words=["aca"])) == ["aca"]
    assert finals(run(reader, 3 * doubled[doubled[:, 0] < 1], hot_words=["acca"])) != ["acca"]


def test_it_is_confirmed_like_any_word(language):
    reader = CaptionsReader(PHONES, OPTIONS | {"beam": 2, "sounds": "sounds.bin"}, language, 1)
    events = run(reader, speak("acd acd dad bee . . . .", strange=STRANGE), hot_words=["acd"])
    confirmed = [event.alternatives[0].text[: event.confirmed] for event in events if event.kind == "partial"]
    assert {"acd", "acd acd", "acd acd dad"} <= set(confirmed)


def test_no_piece_goes_on_with_it(reader):
    assert hear(reader, "abbcad", "acd", "abbcad") == ["abbcad"]
    for seed in range(30):
        for event in run(reader, babble(300, seed), hot_words=["acd", "dbb"]):
            for word in event.alternatives[0].words if event.alternatives else ():
                assert word.text in {"acd", "dbb", *WORDS} or set(word.text) <= set("bacd")
                assert not word.text.startswith(("acd", "dbb")) or word.text in ("acd", "dbb")


def test_its_times_and_confidence_are_those_of_its_phones(reader):
    events = run(reader, speak("ab acd dad", strange=STRANGE), hot_words=["acd"])
    words = [w for e in events if e.kind == "final" for w in e.alternatives[0].words]
    assert [word.start for word in words] == [0, 4, 10]
    assert 0.5 < words[1].confidence < 1


def test_a_row_forgets_the_words_of_the_stream_before(reader):
    logits = speak("ab acd dad", strange=STRANGE)
    run(reader, logits, hot_words=["acd"])
    assert run(reader, logits) == run(reader, logits, row=1)


@pytest.mark.parametrize("word", ["b12", "é", "x-y", "''", "zzz", "bac+", "a" * (LONGEST + 1)])
def test_what_cannot_be_pronounced_is_refused(reader, word):
    with pytest.raises(ValueError, match=r"^options\.hot_words: .*letters from a to z"):
        reader.parse({"hot_words": ["acd", word]})


def test_a_long_word_is_refused_fast_and_shown_in_short(reader):
    with pytest.raises(ValueError) as refused:
        reader.parse({"hot_words": ["a" * 60_000 + "1"]})
    assert len(str(refused.value)) < 200


def test_an_apostrophe_is_written_and_not_said(reader):
    assert hear(reader, "ab acd dad", "ac'd") == ["ab ac'd dad"]


def test_too_many_are_refused(language):
    options = OPTIONS | {"sounds": "sounds.bin", "max_hot_nodes": 12}
    reader = CaptionsReader(PHONES, options, language, 1)
    reader.parse({"hot_words": ["acd", "dca", "cac", "aca"]})
    for words in (
        ["acd", "dca", "cac", "aca", "ccc"],
        ["a" * 13],
        ["ab"] * 3 + [f"{c}{d}" for c in "acd" for d in "abcdd"],
    ):
        with pytest.raises(
            ValueError, match=r"^options\.hot_words: too many words; there is room for 12 phones"
        ):
            reader.parse({"hot_words": words})


def test_sounds_that_do_not_fit_are_refused(language, tmp_path):
    with pytest.raises(ValueError, match="sounds.bin: does not fit the card's 3 phones"):
        read_pronouncer(language / "sounds.bin", 3)
    with pytest.raises(ValueError, match="streamer sounds 2"):
        read_pronouncer(language / "lm.bin", 4)
    whole = (language / "sounds.bin").read_bytes()
    (tmp_path / "sounds.bin").write_bytes(whole[:-5])
    with pytest.raises(ValueError, match="sounds.bin"):
        read_pronouncer(tmp_path / "sounds.bin", 4)


def test_the_words_kept_aside_are_not_learnt_and_scored_by_any_known_way(pronouncer):
    cuts = {f"{i:03}": (Unit("a", ("A",)),) for i in range(3 * KEPT_ASIDE)}
    assert len(learnt(cuts)) == 3 * (KEPT_ASIDE - 1) and learnt(cuts).items() < cuts.items()
    known = {"da": [("D", "AA")], "db": [("D", "B")]}
    assert right_shares(pronouncer, ["da", "db"], known) == (0.0, 0.0)  # here B and D aren't these labels


def test_a_commands_words_become_an_option():
    assert parse_hot_words("Hochstetler, new york ,") == ("Hochstetler", "new york")
    assert parse_hot_words(None) == ()
    with pytest.raises(WrongCall, match="--hot-words"):
        parse_hot_words(" , ")
    assert CaptionOptions(raw=True, hot_words=("a",)).options(("hot_words",)) == {"hot_words": ["a"]}
    with pytest.raises(OptionError, match="options.hot_words"):
        CaptionOptions(hot_words=("a",)).options(("sentences",))


def test_hot_words_are_counted_where_they_were_said():
    recordings = [
        Transcribed("ask Acd to come", (), 1.0, "ask acd to come", (), ()),
        Transcribed("ask acd", (), 1.0, "ask a c d", (), ()),
        Transcribed("nobody", (), 1.0, "acd body", (), ()),
    ]
    figures = hot_word_figures(recordings, ["acd"])
    assert figures == {"hot_words_said": 2, "hot_words_heard": 1, "hot_words_false": 1}
