"""What a translation copies: placeholders stand for it, and it comes back in German form."""

import pytest

from streamer.models.text.masks import PER_CLASS, PLACEHOLDER, PLACEHOLDERS, mask, mask_pair, restore
from streamer.models.text.numerals import german_form, same_value
from streamer.models.text.pieces import chunks

KNOWN = frozenset("i paid on for write to today visit he the in met by of and number germany 's".split())
NUMBER, CODE, NAME = PLACEHOLDERS[0], PLACEHOLDERS[PER_CLASS], PLACEHOLDERS[2 * PER_CLASS]


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("1,299.99", "1.299,99"),
        ("3.5", "3,5"),
        ("1,000,000", "1.000.000"),
        ("530", "530"),
        ("2024-01-05", "2024-01-05"),
        ("10:30", "10:30"),
        ("3.1.4", "3.1.4"),
    ],
)
def test_a_numeral_in_german_form_has_the_same_value(english, german):
    assert german_form(english) == german
    assert same_value(english, german)


def test_other_values_differ():
    assert not same_value("1,299.99", "1.299,98")
    assert not same_value("40", "50")
    assert not same_value("3.5", "35")


@pytest.mark.parametrize(
    ("text", "masked", "restored"),
    [
        (
            "I paid $1,299.99 on 2024-01-05 for 3.5 kg.",
            f"I paid ${NUMBER} on {PLACEHOLDERS[1]} for {PLACEHOLDERS[2]} kg.",
            "I paid $1.299,99 on 2024-01-05 for 3,5 kg.",
        ),
        ("Write to bob@mail.com today.", f"Write to {CODE} today.", "Write to bob@mail.com today."),
        (
            "Visit https://www.example.com/a.b?c=d today.",
            f"Visit {CODE} today.",
            "Visit https://www.example.com/a.b?c=d today.",
        ),
        ("He met John Smith in Germany.", f"He met {NAME} in Germany.", "He met John Smith in Germany."),
        ("Write to `a 1` 😀", f"Write to {CODE} {PLACEHOLDERS[PER_CLASS + 1]}", "Write to `a 1` 😀"),
        ("The 2nd in /usr/bin", f"The {NUMBER}nd in {CODE}", "The 2nd in /usr/bin"),
        ("In the 1980s 6am", f"In the {NUMBER}s {PLACEHOLDERS[1]}am", "In the 1980s 6am"),
        ("In 3.5 of Debian 8.2", f"In {NUMBER} of {NAME} {PLACEHOLDERS[1]}", "In 3,5 of Debian 8.2"),
    ],
)
def test_masked_and_restored(text, masked, restored):
    result = mask(text, KNOWN)
    assert result.text == masked
    assert restore(result.text, result.values) == restored


def test_what_a_class_has_no_placeholder_for_stays():
    text = " ".join(str(number) for number in range(10, 10 + PER_CLASS + 2))
    result = mask(text, KNOWN)
    assert len(PLACEHOLDER.findall(result.text)) == PER_CLASS
    assert result.text.endswith(f"{10 + PER_CLASS} {11 + PER_CLASS}")
    assert restore(result.text, result.values) == text


def test_a_placeholder_is_one_chunk_and_one_without_value_is_dropped():
    assert NUMBER in chunks(f"I paid {NUMBER} today")
    assert restore(f"{NUMBER} und {CODE}", {NUMBER: "7"}) == "7 und "


def test_a_pair_has_the_same_placeholders_wherever_they_stand():
    assert mask_pair("I paid 1,299 and 3.5 to John Smith", "John Smith: 3,5 und 1.299", KNOWN) == (
        f"I paid {NUMBER} and {PLACEHOLDERS[1]} to {NAME}",
        f"{NAME}: {PLACEHOLDERS[1]} und {NUMBER}",
    )


def test_a_pair_whose_numbers_or_code_differ_is_none():
    assert mask_pair("I paid 40", "Ich zahlte 50", KNOWN) is None
    assert mask_pair("I paid", "Ich zahlte 50", KNOWN) is None
    assert mask_pair("Visit www.example.com", "Komm", KNOWN) is None


def test_a_name_in_another_form_stays_a_word():
    assert mask_pair("He met Nero", "Er traf Neron", KNOWN) == ("He met Nero", "Er traf Neron")
