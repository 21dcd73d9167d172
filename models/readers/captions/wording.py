"""Recognised words as people write them: sentences begin large and end with a full stop, numbers are digits."""

from collections.abc import Sequence
from typing import NamedTuple

from streamer.models.readers import Word
from streamer.models.readers.captions import numbers

ALWAYS_LARGE = frozenset(
    "i i'm i'll i'd i've monday tuesday wednesday thursday friday saturday sunday january february april "
    "june july august september october november december".split()
)  # march and may are other words too


class Style(NamedTuple):
    """How words are written; neither is the text as it was recognised."""

    sentences: bool = False
    numbers: bool = False
    goes_on: bool = False  # the utterance is the rest of one that was cut in the middle of speech


def written(words: Sequence[Word], style: Style, ended: bool = False) -> tuple[Word, ...]:
    """`words` in `style`; those of a number become one. `ended` says that a sentence ends here."""
    found = _counted(words) if style.numbers else list(words)
    if style.sentences:
        found = [_large(word) if word.text in ALWAYS_LARGE else word for word in found]
        if found and not style.goes_on:
            found[0] = _large(found[0])
        if found and ended:
            found[-1] = _spelled(found[-1], found[-1].text + ".")
    return tuple(found)


def settled(words: Sequence[Word], style: Style) -> int:
    """How many of the first words are written in the same way whatever is said after `words`.

    Law: written(words[:settled]) begins written(words + more), for any more.
    """
    return numbers.settled([word.text for word in words]) if style.numbers else len(words)


def _counted(words: Sequence[Word]) -> list[Word]:
    found, at = [], 0
    for begin, end, digits in numbers.runs([word.text for word in words]):
        some = words[begin:end]
        sure = min(word.confidence for word in some)
        found += [*words[at:begin], Word(digits, some[0].start, some[-1].end, sure)]
        at = end
    return [*found, *words[at:]]


def _large(word: Word) -> Word:
    return _spelled(word, word.text[:1].upper() + word.text[1:])


def _spelled(word: Word, text: str) -> Word:
    return Word(text, word.start, word.end, word.confidence, word.label)
