"""Words in pieces: how a dictionary is cut, what a text spells, and how the reader puts it together."""

import re
from itertools import product

import numpy as np
import pytest

from streamer.models.readers.captions.captions_reader import CaptionsReader
from streamer.models.readers.captions.lexicon import build_lexicon, read_lexicon
from streamer.models.training.language.graphones import RAREST, align, join
from streamer.models.training.language.spelling import in_units, piece_sounds, spelled_sentences
from tests.models.readers.test_captions_reader import OPTIONS, finals, run
from tests.tiny_language import PHONES, WORDS, babble, speak

ONSETS = {"b": "B", "sh": "SH", "k": "K", "m": "M", "ph": "F", "d": "D"}
VOWELS = {"a": "AE", "ee": "IY", "o": "AA", "oo": "UW"}
SYLLABLES = {a + b: (x, y) for (a, x), (b, y) in product(ONSETS.items(), VOWELS.items())}
SOUNDS = {a + b: x + y for (a, x), (b, y) in product(SYLLABLES.items(), SYLLABLES.items())}


@pytest.fixture(scope="module")
def units():
    return align(SOUNDS)


def test_units_are_the_letters_that_sound_alike_everywhere(units):
    assert len(units) == len(SOUNDS)
    assert [(unit.letters, *unit.phones) for unit in units["sheephoo"]] == [
        ("sh", "SH"),
        ("ee", "IY"),
        ("ph", "F"),
        ("oo", "UW"),
    ]
    for word, cut in units.items():
        assert "".join(unit.letters for unit in cut) == word
        assert sum((unit.phones for unit in cut), ()) == SOUNDS[word]


def test_a_word_that_sounds_like_no_other_is_left_out():
    aligned = align(SOUNDS | {"xyzzy": ("B", "B", "B")})
    assert "xyzzy" not in aligned and len(aligned) >= len(SOUNDS) - RAREST


def test_pieces_are_units_that_often_stand_together(units):
    pieces = join(units, 60)
    for word, parts in pieces.items():
        assert "".join(piece.letters for piece in parts) == word
        assert sum((piece.phones for piece in parts), ()) == SOUNDS[word]
        assert [piece.begins for piece in parts] == [True] + [False] * (len(parts) - 1)
    assert len({piece for parts in pieces.values() for piece in parts}) <= 60
    assert np.mean([len(parts) for parts in pieces.values()]) < np.mean([len(cut) for cut in units.values()])


def test_rare_words_are_spelled_and_stand_for_those_that_no_text_has():
    spelled = join(in_units(SOUNDS), 60)
    often, rare = list(SOUNDS)[:4], list(SOUNDS)[4:40]
    texts = {"books": [f"{often[i % 4]} {often[(i + 1) % 4]} {word}" for i, word in enumerate(rare)]}
    texts["books"] += [" ".join(often)] * 5
    lines = spelled_sentences(texts, {*often, *rare}, spelled)
    assert lines == spelled_sentences(texts, {*often, *rare}, spelled)
    assert len(lines) == len(rare)
    written = {word: " ".join(piece.name for piece in spelled[word]) for word in SOUNDS}
    spellings = [line.split(" ", 2)[2] for line in lines]
    own = [spelling == written[word] for word, spelling in zip(rare, spellings)]
    assert 0 < sum(own) < len(own)
    unread = {written[word] for word in set(SOUNDS) - {*often, *rare}}
    assert all(mine or spelling in unread for mine, spelling in zip(own, spellings))


def test_a_piece_has_the_sounds_that_its_letters_often_have():
    # "c" is K before a and o, S before e and i.
    ends = {"a": "AA", "o": "OW", "e": "EH", "i": "IH"}
    words = {
        f"c{vowel}{end}": ("S" if vowel in "ei" else "K", ends[vowel], *sounds)
        for vowel in ends
        for end, sounds in list(SOUNDS.items())[::3]
    }
    sounds = piece_sounds(join(in_units(words), 30))
    assert {(name, *each[0]) for name, each in sounds.items() if name in ("co+", "ci+")} <= {
        ("co+", "K", "OW"),
        ("ci+", "S", "IH"),
    }
    assert all(each for each in sounds.values())
    assert all(name.count("+") == 1 for name in sounds)


@pytest.fixture(scope="module")
def reader(language):
    return CaptionsReader(PHONES, OPTIONS, language, 1)


def test_a_word_that_the_lexicon_lacks_is_spelled(reader):
    events = run(reader, speak("ab baccad dad baccadcad . . . ."))
    assert finals(events) == ["ab baccad dad baccadcad"]
    words = events[-1].alternatives[0].words
    assert [word.text for word in words] == ["ab", "baccad", "dad", "baccadcad"]
    assert [(word.start, word.end) for word in words[:3]] == [(0, 3), (4, 15), (16, 21)]
    assert all(0 < word.confidence <= 1 for word in words)


def test_a_piece_that_goes_on_needs_one_that_begins(reader):
    # "+cad" sounds like nothing else, yet it cannot follow a word, nor stand alone.
    wholes = re.compile("|".join([*(word for word in WORDS if word.isalpha()), "bac(cad)*"]))
    logits = [
        speak("ab cad dab cad . . . .", strange={"cad": "CAD"}),
        *(babble(300, seed) for seed in range(40)),
    ]
    for rows in logits:
        for event in run(reader, rows):
            for word in event.alternatives[0].words if event.alternatives else ():
                assert wholes.fullmatch(word.text)


def test_a_word_is_not_taken_up_after_an_endpoint(reader):
    pause = np.repeat(speak("."), 8, axis=0)
    logits = np.concatenate(
        [speak("ab bac", strange={"bac": "BAC"}), pause, speak("cad", strange={"cad": "CAD"}), pause]
    )
    spoken = finals(run(reader, logits))
    assert spoken[0] == "ab bac" and all("cad" not in text for text in spoken)


def test_what_may_still_grow_is_not_confirmed(language):
    # So narrow a beam commits a piece as soon as it is said.
    reader = CaptionsReader(PHONES, OPTIONS | {"beam": 2}, language, 1)
    events = run(reader, speak("baccadcad dad bee . . . ."))
    confirmed = [event.alternatives[0].text[: event.confirmed] for event in events if event.kind == "partial"]
    assert set(confirmed) <= {"", "baccadcad", "baccadcad dad"} and confirmed[-1]
    assert finals(events) == ["baccadcad dad bee"]


def test_readings_of_a_final_differ_in_their_text(language):
    reader = CaptionsReader(PHONES, OPTIONS | {"alternatives": 5}, language, 1)
    for seed in range(20):
        for event in run(reader, babble(300, seed)):
            texts = [alternative.text for alternative in event.alternatives]
            assert len(set(texts)) == len(texts)


def test_pieces_are_no_hot_words(reader):
    with pytest.raises(ValueError, match="^options.hot_words: "):
        reader.parse({"hot_words": ["bac+"]})


def test_a_lexicon_whose_pieces_stand_among_words_is_refused(tmp_path):
    sounds = [(i, (1, 2, i)) for i in range(1, 4)]
    build_lexicon(tmp_path / "lexicon.bin", ["<s>", "ab+", "ba", "+ab"], sounds, np.full(4, -1.0), 4)
    with pytest.raises(ValueError, match="pieces"):
        read_lexicon(tmp_path / "lexicon.bin", 4)
