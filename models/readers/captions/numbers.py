"""Spoken English numbers as digits, where there is one way to read them."""

from collections.abc import Sequence

UNITS = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
VALUES = {word: i for i, word in enumerate(UNITS + TEENS)} | {w: 20 + 10 * i for i, w in enumerate(TENS)}
NUMBER_WORDS = frozenset({*VALUES, "hundred", *SCALES})
JOINING = frozenset({"and", "oh", "point"})  # they may stand inside a number
CENTURIES = range(15, 20)  # the first half of a year that is read as two numbers
FEWEST_DIGITS = 3  # of a number that is told digit by digit
ORDINALS = frozenset(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth fortieth fiftieth sixtieth "
    "seventieth eightieth ninetieth hundredth thousandth millionth".split()
)


def digits(words: Sequence[str]) -> str | None:
    """The digits of `words`; None for no number, an ambiguous one, or one that reads better as a word."""
    if len(words) >= FEWEST_DIGITS and all(word in UNITS for word in words):
        return "".join(str(VALUES[word]) for word in words)
    year = _year(words)
    if year is not None:
        return str(year)
    value = _cardinal(words)
    if value is None or value < 10:
        return None
    return str(value) if value < 10_000 else f"{value:,}"


def runs(words: Sequence[str]) -> list[tuple[int, int, str]]:
    """The stretches (begin, end, digits) of `words` that are certain numbers."""
    stretches, at = [], 0
    while at < len(words):
        if words[at] not in NUMBER_WORDS:
            at += 1
            continue
        end = _end(words, at)
        number = digits(words[at:end])
        following = words[end] if end < len(words) else ""
        part = following in ORDINALS or following == "point" or (at > 0 and words[at - 1] == "point")
        if number is not None and not part:
            stretches.append((at, end, number))
        at = end
    return stretches


def settled(words: Sequence[str]) -> int:
    """How many of the first words no further word can change: all but a number that may go on."""
    count = len(words)
    while count and (words[count - 1] in NUMBER_WORDS or words[count - 1] in JOINING):
        count -= 1
    return count


def _end(words: Sequence[str], begin: int) -> int:
    """Where the number words from `begin` on end; `and` and `oh` belong to them only inside."""
    end = begin + 1
    while end < len(words):
        following = words[end + 1] if end + 1 < len(words) else ""
        inside = following in NUMBER_WORDS and (
            (words[end] == "and" and (words[end - 1] == "hundred" or words[end - 1] in SCALES))
            or (words[end] == "oh" and following in UNITS)
        )
        if words[end] not in NUMBER_WORDS and not inside:
            break
        end += 1
    return end


def _year(words: Sequence[str]) -> int | None:
    """nineteen eighty four, nineteen oh five, eighteen twelve."""
    if not words or VALUES.get(words[0], 0) not in CENTURIES:
        return None
    rest = words[1:]
    if len(rest) == 2 and rest[0] == "oh" and rest[1] in UNITS[1:]:
        return 100 * VALUES[words[0]] + VALUES[rest[1]]
    low = _below_hundred(rest)
    return 100 * VALUES[words[0]] + low if low is not None and low >= 10 else None


def _cardinal(words: Sequence[str]) -> int | None:
    """The one number that all of `words` say, or None."""
    total, least, had_and = 0, 10**12, False
    group: list[str] = []
    for word in words:
        if word in SCALES:
            value = _below_thousand(group)
            if not value or SCALES[word] >= least:
                return None
            total, least, group = total + value * SCALES[word], SCALES[word], []
        else:
            group.append(word)
    if not group:
        return total if least < 10**12 else None
    if group[0] == "and":
        group, had_and = group[1:], True
    value = _below_thousand(group)
    if value is None or (value == 0 and total) or (had_and and not total):
        return None
    return total + value


def _below_thousand(words: Sequence[str]) -> int | None:
    """Also twelve hundred, which is above it."""
    if "hundred" not in words:
        return _below_hundred(words)
    at = list(words).index("hundred")
    hundreds, rest = _below_hundred(words[:at]), list(words[at + 1 :])
    if not hundreds or hundreds > 19 or hundreds == 10:
        return None
    if rest[:1] == ["and"]:
        rest = rest[1:]
        if not rest:
            return None
    low = _below_hundred(rest) if rest else 0
    return None if low is None or (rest and low == 0) else 100 * hundreds + low


def _below_hundred(words: Sequence[str]) -> int | None:
    if len(words) == 1:
        return VALUES.get(words[0])
    if len(words) == 2 and words[0] in TENS and words[1] in UNITS[1:]:
        return VALUES[words[0]] + VALUES[words[1]]
    return None
