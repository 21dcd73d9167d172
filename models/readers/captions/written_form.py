"""Recognised words as people write them: sentences with a capital and a full stop, numbers as digits."""

from collections.abc import Sequence
from typing import NamedTuple

from streamer.models.readers import EventWord
from streamer.models.readers.captions import numbers

ALWAYS_CAPITALISED = frozenset(
    "i i'm i'll i'd i've monday tuesday wednesday thursday friday saturday sunday january february april "
    "june july august september october november december".split()
)  # march and may are other words too


class Style(NamedTuple):
    """How words are written; neither is the text as it was recognised."""

    sentences: bool = False
    numbers: bool = False
    goes_on: bool = False  # the utterance is the rest of one that was cut in the middle of speech


def written(words: Sequence[EventWord], style: Style, ended: bool = False) -> tuple[EventWord, ...]:
    """`words` in `style`; those of a number become one. `ended` says that a sentence ends here."""
    result = _with_digits(words) if style.numbers else list(words)
    if style.sentences:
        result = [_capitalised(word) if word.text in ALWAYS_CAPITALISED else word for word in result]
        if result and not style.goes_on:
            result[0] = _capitalised(result[0])
        if result and ended:
            result[-1] = _spelled(result[-1], result[-1].text + ".")
    return tuple(result)


def settled(words: Sequence[EventWord], style: Style) -> int:
    """How many of the first words are written in the same way whatever follows `words`.

    Law: written(words[:settled]) begins written(words + more), for any more.
    """
    return numbers.settled([word.text for word in words]) if style.numbers else len(words)


def _with_digits(words: Sequence[EventWord]) -> list[EventWord]:
    result, at = [], 0
    for begin, end, digits in numbers.runs([word.text for word in words]):
        number = words[begin:end]
        confidence = min(word.confidence for word in number)
        result += [*words[at:begin], EventWord(digits, number[0].start, number[-1].end, confidence)]
        at = end
    return [*result, *words[at:]]


def _capitalised(word: EventWord) -> EventWord:
    return _spelled(word, word.text[:1].upper() + word.text[1:])


def _spelled(word: EventWord, text: str) -> EventWord:
    return EventWord(text, word.start, word.end, word.confidence, word.label)
