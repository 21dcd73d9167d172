"""What can be seen of a bad translation without knowing the target's language.

A doubt is one of `DOUBTS`: a number that is lost or made up, an address, path or code that is lost, a
target far shorter or longer than its source, or one that goes in circles.
"""

from collections import Counter
from collections.abc import Sequence

from streamer.models.text.masks import copied_parts
from streamer.models.text.numerals import NUMERAL, same_value

DOUBTS = ("numbers", "code", "length", "repetition", "confidence")

_ENGLISH = "one two three four five six seven eight nine ten eleven twelve".split()
_GERMAN = "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()
_ONE = {"eins", "eine", "einen", "einem", "einer", "eines", "einmal", "erste", "ersten", "erster"}
_SHORTEST, _LONGEST, _SPARE = 0.4, 2.0, 3  # words of a target, as shares of its source's, and a few more
_CIRCLE = 4  # words that come again in the same order: the text goes in a circle


def doubts(source: str, target: str) -> list[str]:
    """What speaks against `target` as the translation of the English `source`, in the order of `DOUBTS`."""
    reasons = []
    if not numbers_kept(source, target):
        reasons.append("numbers")
    if not code_kept(source, target):
        reasons.append("code")
    words, written = len(source.split()), len(target.split())
    if written < _SHORTEST * words - 1 or written > _LONGEST * words + _SPARE:
        reasons.append("length")
    if goes_in_circles(target) and not goes_in_circles(source):
        reasons.append("repetition")
    return reasons


def numbers_kept(source: str, target: str) -> bool:
    """Whether each numeral of one stands in the other, in value: 1,299.99 as 1.299,99 or 2 as zwei."""
    wanted = [part.group() for part in NUMERAL.finditer(source)]
    left = [part.group() for part in NUMERAL.finditer(target)]
    words = target.lower().split()
    for numeral in wanted:
        here = next((other for other in left if same_value(numeral, other)), None)
        if here is not None:
            left.remove(here)
        elif not _spelled(numeral, words, _GERMAN, _ONE):
            return False
    source_words = source.lower().split()
    return all(_spelled(numeral, source_words, _ENGLISH, set()) for numeral in left)


def code_kept(source: str, target: str) -> bool:
    """Whether addresses, paths, options, code and emoji of `source` stand in `target` as they are."""
    # Every word counts as known: names are no part of this.
    wanted = Counter(part.value for part in copied_parts(source, _Everything()) if part.kind == "code")
    return all(target.count(value) >= count for value, count in wanted.items())


def goes_in_circles(text: str) -> bool:
    """Whether four words come again in order, or one three times in a row."""
    words = text.lower().split()
    if any(a == b == c for a, b, c in zip(words, words[1:], words[2:])):
        return True
    runs = Counter(tuple(words[at : at + _CIRCLE]) for at in range(len(words) - _CIRCLE + 1))
    return any(count > 1 for count in runs.values())


def _spelled(numeral: str, words: Sequence[str], names: Sequence[str], more: set[str]) -> bool:
    """Whether a small number stands among `words` by its name."""
    if not numeral.isdecimal() or not 1 <= int(numeral) <= len(names):
        return False
    bare = {word.strip(".,;:!?()\"'") for word in words}
    return names[int(numeral) - 1] in bare or (numeral == "1" and bool(bare & more))


class _Everything:
    """Contains every word."""

    def __contains__(self, word: object) -> bool:
        return True
