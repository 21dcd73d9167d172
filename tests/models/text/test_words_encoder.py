"""The words encoder: ids, letters, sentence ends; running text to words and back."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.models.text.words import CHANNELS, WordsEncoder, join_words, split_words, words_encoder

ENCODER = WordsEncoder(["the", "fox"], tail=3)


def step(word: str, first: bool = False) -> list[int]:
    (row,) = ENCODER.steps(word, first)
    return row.astype(int).tolist()


def test_a_word_is_its_id_and_its_letters():
    assert step("The", first=True) == [1, 0, 2, 53, 73, 70] + [0] * 13
    assert step("fox")[:3] == [0, 0, 3]
    assert step("ox")[:3] == [0, 0, 1]
    assert step("THE")[3:] != step("the")[3:]


def test_a_long_word_shows_its_first_and_its_last_letters():
    assert step("abcdefgh" + "x" * 50 + "ijklmnop")[3:] == step("abcdefghijklmnop")[3:]


def test_letters_outside_ascii_are_one():
    assert step("é")[3] == step("ж")[3] == step("字")[3] != step("e")[3]


def test_a_sentences_end_is_empty_steps():
    tail = ENCODER.tail(7)
    assert tail.shape == (3, CHANNELS)
    assert tail[:, 1].all() and not np.delete(tail, 1, axis=1).any()


@given(st.text(min_size=1, max_size=200))
def test_any_word_has_ids_that_the_tables_hold(word):
    row = step(word)
    assert len(row) == CHANNELS and min(row) >= 0 and max(row[3:]) < 128 and row[2] <= 3


def test_options_and_missing_lists_are_refused(tmp_path):
    with pytest.raises(ValueError, match="options.pitch"):
        ENCODER.parse({"pitch": 1})
    with pytest.raises(ValueError, match="feeder.words: .*words.txt: No such file"):
        words_encoder(tmp_path)


def test_running_text_is_split_and_joined():
    text = "It's a state-of-the-art fox (red, 3.5 kg) isn't it?"
    words = split_words(text)
    assert words == [
        "It's",
        "a",
        "state-of-the-art",
        "fox",
        "(",
        "red",
        ",",
        "3.5",
        "kg",
        ")",
        "isn't",
        "it",
        "?",
    ]
    assert join_words(words) == text
    assert join_words(["do", "n't", "'s", "[", "x", "]", ":"]) == "Don't's [x]:"
    assert join_words([]) == ""


def test_a_name_that_is_not_listed_has_its_kinds_id(tmp_path):
    (tmp_path / "words.txt").write_text("the\nfox\n", encoding="utf-8")
    (tmp_path / "names.txt.gz").write_bytes(gzip.compress(b"ann fox\nlee\n"))
    encoder = words_encoder(tmp_path, names="names.txt.gz")
    ids = [int(encoder.steps(word, False)[0, 2]) for word in ("The", "FOX", "Ann", "lee", "Bo")]
    assert ids == [2, 3, 4, 5, 1]
    with pytest.raises(ValueError, match="feeder.names: .*other.txt: No such file"):
        words_encoder(tmp_path, names="other.txt")


@pytest.mark.parametrize("kept", [0, 6, -4])
def test_a_broken_list_of_names_is_told(tmp_path, kept):
    (tmp_path / "words.txt").write_text("a\n")
    whole = bytearray(gzip.compress(b"ann fox\nlee\n" * 50, mtime=0))
    (tmp_path / "names.txt.gz").write_bytes(whole[:kept] if kept else b"\x1f\x8b\x08" + b"\xff" * 40)
    with pytest.raises(ValueError, match="feeder.names: .*names.txt.gz"):
        words_encoder(tmp_path, names="names.txt.gz")
