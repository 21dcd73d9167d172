"""Where sentences end: in running text by its marks, in spaced text by its lines."""

from typing import Literal

import msgspec

LONGEST = 120  # tokens of a sentence; it is ended then: a text without full stops must end somewhere

STOPS = frozenset(".?!؟۔।")  # they end a sentence where a space follows
WIDE_STOPS = frozenset("。！？｡")  # of scripts without spaces: whatever follows
CLOSERS = frozenset("\"')]}»”’」』")

# With their full stop these never end a sentence: before names, and before what they announce.
TITLES = frozenset(
    "mr mrs ms dr prof gen sen rep gov lt col capt cmdr sgt maj rev hon pres st mt ft messrs mme mlle "
    "jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
ANNOUNCING = frozenset("vs cf viz fig figs vol pp approx e.g i.e".split())
# These do where a word follows that begins sentences.
SHORTENED = frozenset("inc ltd co corp jr sr etc al bros dept univ assn ave blvd rd ph.d".split())
STARTERS = frozenset(
    "The A An This That These Those He She It They We You There Here In On At By For From With After Before "
    "When While If As But And Or So Yet However Although What Who Why How Where Its His Her Their Our My Not "
    "No Yes".split()
)


class Endings(msgspec.Struct, tag=True):
    """Of running text. A stop ends the sentence with the space after it, an ellipsis and a shortened
    word's stop where the next token doesn't go on, a blank line always."""

    count: int = 0  # tokens of the sentence
    last: str = ""  # the last of them that is no closing quote or bracket
    ending: Literal["", "stop", "wide", "doubt"] = ""  # "doubt": the next token decides
    spaced: bool = False  # whether a space came after the last token
    newlines: int = 0  # since then

    def before(self, token: str) -> bool:
        """Whether the sentence ends before `token`."""
        if self.ending == "wide":
            return token not in CLOSERS and token not in WIDE_STOPS
        if self.ending != "doubt" or not self.spaced:
            return False
        if self.last.lower() == "no":  # "No. 5" goes on, "No. I don't" doesn't
            return not token[0].isdigit()
        if self.last[0] in ".…":
            return not token[0].islower()
        return token in STARTERS

    def add(self, token: str) -> bool:
        """`token` belongs to the sentence; whether it ends after it, by its length alone."""
        if not (token in CLOSERS and self.ending and not self.spaced):
            self.ending = self._ending(token)
            self.last = self.last if self.ending == "doubt" and token == "." else token
        self.count, self.spaced, self.newlines = self.count + 1, False, 0
        return self.count >= LONGEST

    def space(self, newline: bool) -> bool:
        """Whether the sentence ends with a space that comes."""
        self.spaced = True
        self.newlines += newline
        return self.count > 0 and (self.ending in ("stop", "wide") or self.newlines == 2)

    def ended(self) -> None:
        """The next sentence begins."""
        self.count, self.last, self.ending, self.spaced, self.newlines = 0, "", "", False, 0

    def _ending(self, token: str) -> Literal["", "stop", "wide", "doubt"]:
        if token in WIDE_STOPS:
            return "wide"
        if token == "…" or (shortened(token.removesuffix(".")) and token[-1] == "."):
            return "doubt"
        if token[0] not in STOPS:
            return ""
        if not self.count or (self.count == 1 and token == "." and self.last.isdigit()):
            return ""  # "1." numbers what follows
        if token == "." and self.last.lower() == "no":
            return "doubt"
        return "doubt" if token[:2] == ".." else "stop"


class Lines(msgspec.Struct, tag=True):
    """Of spaced text: a newline ends the sentence."""

    count: int = 0  # tokens of the sentence

    def before(self, token: str) -> bool:
        """Whether the sentence ends before `token`: never."""
        return False

    def add(self, token: str) -> bool:
        """`token` belongs to the sentence; whether it ends after it, by its length alone."""
        self.count += 1
        return self.count >= LONGEST

    def space(self, newline: bool) -> bool:
        """Whether the sentence ends with a space that comes."""
        return newline and self.count > 0

    def ended(self) -> None:
        """The next sentence begins."""
        self.count = 0


def abbreviated(word: str) -> bool:
    """Whether a full stop after `word` belongs to it."""
    lower = word.lower()
    return lower in ANNOUNCING or (lower in TITLES and word[0].isupper()) or shortened(word)


def shortened(word: str) -> bool:
    """Whether `word` with its full stop may end a sentence: an initial, initials, a common short form."""
    lower = word.lower()
    if lower in ANNOUNCING:
        return False
    if "." not in word:
        return lower in SHORTENED or (len(word) == 1 and word.isupper() and word != "I")
    return lower in SHORTENED or all(len(part) == 1 and part.isalpha() for part in word.split("."))
