"""What a translation copies: numbers, addresses, code, emoji and names, as placeholders.

A placeholder is one character of Unicode's private use area. Its class and its place within the class
stand for what was there: the first number of a sentence is always the same character.
"""

import re
from collections.abc import Container
from typing import NamedTuple

from streamer.models.text.numerals import NUMERAL, SUFFIX, german_form, same_value

CLASSES = ("number", "code", "name")
PER_CLASS = 8  # placeholders of a class in one sentence; what comes after stays as it is
_FIRST = 0xE000
PLACEHOLDERS = [chr(_FIRST + i) for i in range(len(CLASSES) * PER_CLASS)]
PLACEHOLDER = re.compile(f"[{PLACEHOLDERS[0]}-{PLACEHOLDERS[-1]}]")

_CODE = re.compile(
    r"`[^`\n]+`"  # code
    r"|(?:https?|ftp)://[^\s<>\"”]+[^\s<>\"”.,;:!?')\]]|\bwww\.[^\s<>\"”]+[^\s<>\"”.,;:!?')\]]"  # addresses
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w/])~?(?:/[\w.+-]*\w)+/?"  # a path
    r"|(?<![\w-])--?[a-z][\w-]*(?![\w-])"  # an option
    r"|%\w+%|\{\w*\}"
    rf"|\b\w+(?:_\w+)+\b|\b(?=\w*\d)(?=\w*[A-Za-z])(?!\d+{SUFFIX})\w+(?:-\w+)*"  # some_name, x86
    r"|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]+"  # emoji
)
_NAME = re.compile(r"\b[^\W\d_a-zß-öø-ÿ][^\W\d_]+(?:[ -][^\W\d_a-zß-öø-ÿ][^\W\d_]+)*")
_RELEASE = re.compile(r"(?:(?<=\S )[A-Z]\w*|[Vv]ersion|[Rr]elease|[Kk]ernel)\s+$")


class Masked(NamedTuple):
    """A text with placeholders, and what each of them stands for in the target's language."""

    text: str
    values: dict[str, str]


class Copied(NamedTuple):
    """A part of a text, from `start` to `end`, that a translation takes over as `value`."""

    start: int
    end: int
    kind: str
    value: str


def mask(text: str, known: Container[str]) -> Masked:
    """`text` with placeholders. A capitalised word is a name if `known`, words in lower case, lacks it."""
    return _replaced(text, copied_parts(text, known))


def mask_pair(source: str, target: str, known: Container[str]) -> tuple[str, str] | None:
    """Both sides of a pair with placeholders; none where a number or code of the source isn't in the target.

    A name that the target has in another form stays a word on both sides.
    """
    parts, places = [], []
    taken = [False] * len(target)
    for part in copied_parts(source, known):
        place = _place(source[part.start : part.end], part, target, taken)
        if place is None:
            if part.kind != "name":
                return None
            continue
        taken[place[0] : place[1]] = [True] * (place[1] - place[0])
        parts.append(part)
        places.append(place)
    masked = _replaced(source, parts)
    for (start, end), symbol in sorted(zip(places, _symbols(parts)), reverse=True):
        if symbol is not None:
            target = target[:start] + symbol + target[end:]
    if any(not PLACEHOLDER.search(match[0]) for match in NUMERAL.finditer(target)):
        return None  # the target has a number that the source lacks
    return masked.text, target


def restore(text: str, values: dict[str, str]) -> str:
    """`text` with what its placeholders stand for; one that stands for nothing is dropped."""
    return PLACEHOLDER.sub(lambda match: values.get(match[0], ""), text)


def copied_parts(text: str, known: Container[str]) -> list[Copied]:
    """The parts that a translation copies, in order."""
    parts = [Copied(*match.span(), "code", match[0]) for match in _CODE.finditer(text)]
    for match in NUMERAL.finditer(text):
        release = _names_release(text[: match.start()])
        parts.append(Copied(*match.span(), "number", german_form(match[0], release)))
    for match in _NAME.finditer(text):
        parts += [Copied(*span, "name", text[slice(*span)]) for span in _names(match, known)]
    kept: list[Copied] = []
    for part in sorted(parts, key=lambda part: (part.start, CLASSES.index(part.kind) != 1)):
        if not kept or part.start >= kept[-1].end:
            kept.append(part)
    return kept


def _names(run: re.Match[str], known: Container[str]) -> list[tuple[int, int]]:
    """The spans of a run of capitalised words in which each word is one that `known` lacks."""
    spans: list[tuple[int, int]] = []
    neighbour = False
    for word in re.finditer(r"[^ -]+", run[0]):
        start, end = run.start() + word.start(), run.start() + word.end()
        if word[0].lower() in known:
            neighbour = False
        elif neighbour:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
            neighbour = True
    return spans


def _names_release(before: str) -> bool:
    """Whether a number after `before` is a version's: a name stands there that begins no sentence."""
    return _RELEASE.search(before) is not None and before.rstrip()[-1:].isalnum()


def _symbols(parts: list[Copied]) -> list[str | None]:
    """The placeholder of each part, none where its class has no more."""
    counts = dict.fromkeys(CLASSES, 0)
    symbols: list[str | None] = []
    for part in parts:
        place, counts[part.kind] = counts[part.kind], counts[part.kind] + 1
        first = CLASSES.index(part.kind) * PER_CLASS
        symbols.append(PLACEHOLDERS[first + place] if place < PER_CLASS else None)
    return symbols


def _replaced(text: str, parts: list[Copied]) -> Masked:
    pieces, values, at = [], {}, 0
    for part, symbol in zip(parts, _symbols(parts)):
        if symbol is None:
            continue
        pieces += [text[at : part.start], symbol]
        values[symbol], at = part.value, part.end
    return Masked("".join([*pieces, text[at:]]), values)


def _place(source: str, part: Copied, target: str, taken: list[bool]) -> tuple[int, int] | None:
    """Where the target has `part`, in a place that isn't taken."""
    if part.kind == "number":
        places = [m.span() for m in NUMERAL.finditer(target) if same_value(source, m[0])]
    else:
        exact = re.compile(rf"(?<!\w){re.escape(source)}(?!\w)")
        places = [match.span() for match in exact.finditer(target)]
    return next((place for place in places if not any(taken[place[0] : place[1]])), None)
