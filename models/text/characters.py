"""What kind of character each one is, as a letter, so that patterns over kinds can find tokens."""

import unicodedata

LETTER, DIGIT, MARK, JOINER, FORMAT, SYMBOL, FLAG, OTHER, SPACE, NEWLINE = "wdmzferp \n"

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_JOINERS = "\u200c\u200d"  # of letters in some scripts, of emoji
_APOSTROPHES = "\u2019\u02bc"


class _Kinds(dict):
    """Worked out once for each character that comes."""

    def __missing__(self, code: int) -> str:
        self[code] = kind = _kind(chr(code))
        return kind


_KINDS = _Kinds()


def kinds(text: str) -> str:
    """A letter for each character of `text`: those named above; ASCII punctuation is itself."""
    return text.translate(_KINDS)


def _kind(character: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if character == "_" or category[0] == "L" or category in ("Nl", "No"):
        return LETTER
    if category == "Nd":
        return DIGIT
    if category[0] == "M" or code in _SKIN_TONES:
        return MARK
    if character in _JOINERS:
        return JOINER
    if character == "\n":
        return NEWLINE
    if character.isspace() or category == "Cc":
        return SPACE
    if category == "Cf":
        return FORMAT  # marks of direction, soft hyphens: they belong to a word and part none
    if code in _FLAG_LETTERS:
        return FLAG
    if character in _APOSTROPHES:
        return "'"
    if character.isascii():
        return character
    return OTHER if category[0] == "P" else SYMBOL
