"""Numbers as digits and sentences as people write them; what is confirmed stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import OptionError
from streamer.models.readers import EventWord
from streamer.models.readers.captions.numbers import NUMBER_WORDS, digits, runs, settled
from streamer.models.readers.captions.written_form import Style, written
from streamer.models.readers.captions.written_form import settled as settled_words
from streamer.offline.caption_options import CaptionOptions

ALL = [*sorted(NUMBER_WORDS), "and", "oh", "point", "first", "i", "we", "monday", "saw"]


def words(text):
    return [EventWord(word, i, i + 1, 0.5 + i / 100) for i, word in enumerate(text.split())]


def style(text, ended=True, **options):
    return " ".join(word.text for word in written(words(text), Style(**options), ended))


@pytest.mark.parametrize(
    "spoken, wanted",
    [
        ("twenty one", "21"),
        ("ten", "10"),
        ("one hundred", "100"),
        ("one hundred and five", "105"),
        ("three hundred sixty five", "365"),
        ("two thousand nineteen", "2019"),
        ("two thousand and one", "2001"),
        ("twelve hundred", "1200"),
        ("five thousand four hundred twenty two", "5422"),
        ("three million two hundred thousand", "3,200,000"),
        ("four one two two six eight", "412268"),
        ("one zero zero", "100"),
        ("nineteen eighty four", "1984"),
        ("nineteen oh five", "1905"),
        ("eighteen twelve", "1812"),
        ("seven", None),  # reads better as a word
        ("one two", None),  # two numbers, or twelve
        ("one twenty", None),
        ("twenty twenty", None),
        ("hundred", None),
        ("twenty ten", None),
        ("thirty twelve five", None),
        ("two hundred three hundred", None),
        ("one thousand two million", None),
        ("twenty zero", None),
    ],
)
def test_numbers_are_digits_where_they_are_certain(spoken, wanted):
    assert digits(spoken.split()) == wanted


@pytest.mark.parametrize(
    "spoken, wanted",
    [
        ("it was twenty one years and two days", "it was 21 years and two days"),
        ("one hundred and then ten", "100 and then 10"),
        ("a hundred and five", "a hundred and five"),
        ("the twenty first of june", "the twenty first of june"),
        ("twenty one point five", "twenty one point five"),
        ("of one hundred and", "of 100 and"),
        ("oh five hundred", "oh 500"),
    ],
)
def test_numbers_among_words(spoken, wanted):
    assert style(spoken, ended=False, numbers=True) == wanted


def test_a_number_is_one_word_from_its_beginning_to_its_end():
    (number,) = written(words("twenty one"), Style(numbers=True))
    assert number == EventWord("21", 0, 2, 0.5)


def test_sentences():
    assert style("i think i'm here on monday", sentences=True) == "I think I'm here on Monday."
    assert style("and it goes on", sentences=True, goes_on=True, ended=False) == "and it goes on"
    assert style("it may be in march", sentences=True) == "It may be in march."
    assert style("twenty one of us", sentences=True, numbers=True) == "21 of us."
    assert style("as it is", ended=True) == "as it is"
    assert written((), Style(True, True), True) == ()


@given(st.lists(st.sampled_from(ALL), max_size=12), st.integers(0, 12), st.booleans(), st.booleans())
def test_what_is_settled_is_written_alike_whatever_follows(spoken, cut, sentences, goes_on):
    how = Style(sentences, True, goes_on)
    before = words(" ".join(spoken[:cut]))
    fixed = written(before[: settled_words(before, how)], how)
    assert written(words(" ".join(spoken)), how)[: len(fixed)] == fixed


@given(st.lists(st.sampled_from(ALL), max_size=12))
def test_runs_lie_in_order_and_hold_number_words(spoken):
    at = 0
    for begin, end, number in runs(spoken):
        assert at <= begin < end and number.replace(",", "").isdigit()
        assert {*spoken[begin:end]} <= NUMBER_WORDS | {"and", "oh"}
        at = end
    assert settled(spoken) <= len(spoken)


def test_a_command_asks_for_what_the_model_can_write():
    assert CaptionOptions().options(("partials", "sentences", "numbers")) == {"sentences": True}
    assert CaptionOptions(raw=True).options(("sentences", "numbers")) == {}
    assert CaptionOptions(numbers=True).options(("sentences", "numbers")) == {
        "sentences": True,
        "numbers": True,
    }
    assert CaptionOptions().options(("partials",)) == {}
    with pytest.raises(OptionError, match="options.numbers: this model writes no numbers"):
        CaptionOptions(numbers=True).options(("partials",))
    with pytest.raises(OptionError, match="options.numbers"):
        CaptionOptions(raw=True, numbers=True)
