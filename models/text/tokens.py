"""Text, as its bytes come in, to tokens and the ends of sentences.

A token comes out as soon as the characters after it prove that it is complete.
"""

import re
from typing import Literal, NamedTuple

import msgspec

from streamer.models.text.characters import DIGIT, FORMAT, JOINER, LETTER, MARK, NEWLINE, SPACE, kinds
from streamer.models.text.endings import Endings, Lines, abbreviated
from streamer.models.text.utf8 import decoded

LONGEST = 100  # characters of a token; a longer one is cut into such
BROKEN = "\ufffd"  # stands for half a character

# Over kinds of characters: a word with what may join its parts; an emoji with its modifiers; a flag;
# a run of one sign; any other character.
_TOKEN = re.compile(
    r"[wdm][wdmzf]*(?:(?:[-'.@&](?=[wdm])|(?<=d)[,:](?=d))[wdm][wdmzf]*)*"
    r"|e(?:[mzf]|(?<=z)e)*|rr?|([-.?!*=~])\1*|.",
    re.DOTALL,
)
_WORD = LETTER + DIGIT + MARK
_SPACED_WORD = re.compile(r"[^ \n]+")


class Token(NamedTuple):
    """A word or a sign and its place in bytes; `known` bytes of the text were needed to know it."""

    text: str
    start: int
    end: int
    first: bool  # of its sentence
    known: int


class SentenceEnd(NamedTuple):
    """The sentence has ended, which the first `known` bytes of the text show."""

    known: int


class TextState(msgspec.Struct):
    """Where a text is between two payloads."""

    endings: Endings | Lines
    position: int = 0  # bytes taken, those of `half` included
    half: bytes = b""  # of a character that isn't complete
    pending: str = ""  # a token that may go on


class Tokens:
    """One text, cut into tokens. "plain": running text; "spaced": spaces separate words, newlines sentences.

    Law: what comes out is a function of the text and of where `end_sentence` was called, not of how
    the text was cut. No more than one token is kept.
    """

    def __init__(self, mode: Literal["plain", "spaced"]):
        self._next = {"plain": _next_token, "spaced": _next_spaced}[mode]
        self._between = SPACE + NEWLINE + (FORMAT + JOINER if mode == "plain" else "")
        self._at = TextState(Endings() if mode == "plain" else Lines())

    def feed(self, payload: bytes | memoryview) -> list[Token | SentenceEnd]:
        """What `payload` completes. PayloadError for bytes that aren't UTF-8 text; then nothing is taken."""
        at = self._at
        text, at.half = decoded(payload, at.half, at.position)
        at.pending += text
        at.position += len(payload)
        return self._cut()

    def end_sentence(self) -> list[Token | SentenceEnd]:
        """The text so far ends a sentence: what that completes. Half a character waits for its rest."""
        at = self._at
        events = self._cut(after=" ")
        if at.endings.count:
            events.append(SentenceEnd(at.position - len(at.half)))
        at.endings.ended()
        return events

    def end_text(self) -> list[Token | SentenceEnd]:
        """No more text comes: as `end_sentence`; half a character comes out as `BROKEN`."""
        at = self._at
        events: list[Token | SentenceEnd] = []
        if at.half:
            events += self._cut(after=" ")
            start, at.half = at.position - len(at.half), b""
            events += self._tell(Token(BROKEN, start, at.position, False, at.position))
        return events + self.end_sentence()

    @property
    def half(self) -> bytes:
        """The bytes so far of a character that isn't complete."""
        return self._at.half

    def save(self) -> bytes:
        """The text's whole state."""
        return msgspec.msgpack.encode(self._at)

    def restore(self, value: bytes) -> None:
        """Go on where `save` was called."""
        self._at = msgspec.msgpack.decode(value, type=TextState)

    def _cut(self, after: str = "") -> list[Token | SentenceEnd]:
        """Tell what is complete of `pending`, which `after` follows without belonging to the text."""
        at = self._at
        events: list[Token | SentenceEnd] = []
        last = at.position - len(at.half)
        byte = last - len(at.pending.encode())
        text = at.pending + after
        what = kinds(text)
        begin, size = 0, len(text)
        while begin < size:
            if what[begin] in self._between:
                byte = min(last, byte + len(text[begin].encode()))
                if what[begin] in SPACE + NEWLINE and at.endings.space(what[begin] == NEWLINE):
                    events.append(self._end(byte))
                begin += 1
                continue
            end, proof = self._next(text, what, begin)
            if end - begin > LONGEST:
                end, proof = begin + LONGEST, begin + LONGEST + 1
            if not proof:
                break
            start, byte = byte, byte + len(text[begin:end].encode())
            known = min(last, byte + len(text[end:proof].encode()))
            events += self._tell(Token(text[begin:end], start, byte, False, known))
            begin = end
        at.pending = text[begin:] if begin < size else ""
        return events

    def _tell(self, token: Token) -> list[Token | SentenceEnd]:
        endings = self._at.endings
        events: list[Token | SentenceEnd] = []
        if endings.before(token.text):
            events.append(self._end(token.known))
        events.append(token._replace(first=not endings.count))
        if endings.add(token.text):
            events.append(self._end(token.known))
        return events

    def _end(self, known: int) -> SentenceEnd:
        self._at.endings.ended()
        return SentenceEnd(known)


def _next_token(text: str, what: str, begin: int) -> tuple[int, int]:
    """Where the token of running text ends that begins at `begin`, and after how many characters
    that is known; 0 where it isn't yet."""
    end = _end(_TOKEN, what, begin)
    if end == len(text):
        return end, 0
    joins = what[end] in "-'.@&" or (what[end] in ",:" and what[end - 1] == DIGIT)
    if what[begin] not in _WORD or not joins:
        return end, end + 1
    if end + 1 == len(text):
        return end, 0
    if what[end] == "." and what[end + 1] != "." and abbreviated(text[begin:end]):
        return end + 1, end + 2
    return end, end + 2


def _next_spaced(text: str, what: str, begin: int) -> tuple[int, int]:
    """The same of spaced text."""
    end = _end(_SPACED_WORD, what, begin)
    return end, end + 1 if end < len(text) else 0


def _end(pattern: re.Pattern[str], what: str, begin: int) -> int:
    """Where the match from `begin` on ends: the patterns match any character."""
    match = pattern.match(what, begin)
    assert match is not None
    return match.end()
