"""Numbers as English and German write them: their value, and the German form of an English one."""

import re

# What may be glued to a number without being a name's or code's: 2nd, 1980s, 6am, 800m; in German 1980er.
SUFFIX = r"(?:st|nd|rd|th|s|am|pm|[ckm]?m|[km]?g|ern?|mal|fach)\b"
# Digits with the marks that join them: 1,299.99, 2024-01-05, 10:30, 3.1.4, 1/2. Not within a word.
NUMERAL = re.compile(rf"(?<!\w)\d+(?:[.,:/-]\d+)*(?={SUFFIX}|(?!\w))")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL = re.compile(r"\d+\.\d+")
_GERMAN_GROUPED = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_GERMAN_DECIMAL = re.compile(r"\d+,\d+")


def german_form(numeral: str, version: bool = False) -> str:
    """An English numeral in German form: 1,299.99 is 1.299,99. Dates, times and versions stay.

    `version`: the numeral names a release ("Debian 8.2"), whose point is not a decimal one.
    """
    if _GROUPED.fullmatch(numeral) or (_DECIMAL.fullmatch(numeral) and not version):
        return numeral.translate(str.maketrans(",.", ".,"))
    return numeral


def english_values(numeral: str) -> set[str]:
    """What an English numeral may stand for, as plain digits with a decimal point, or as it is written."""
    if _GROUPED.fullmatch(numeral):
        return {numeral.replace(",", "")}
    return {numeral}


def german_values(numeral: str) -> set[str]:
    """The same of a German numeral; one in English form counts as it is written, too."""
    values = {numeral}
    if _GERMAN_GROUPED.fullmatch(numeral):
        values.add(numeral.replace(".", "").replace(",", "."))
    elif _GERMAN_DECIMAL.fullmatch(numeral):
        values.add(numeral.replace(",", "."))
    if _GROUPED.fullmatch(numeral):
        values.add(numeral.replace(",", ""))
    return values


def same_value(english: str, german: str) -> bool:
    """Whether a numeral of an English text and one of a German text stand for the same."""
    return bool(english_values(english) & german_values(german))
