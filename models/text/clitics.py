"""Words of running text as treebanks write them: "do n't", "Haiti 's"."""

import re
from collections.abc import Sequence

from streamer.models.text.tokens import Token

_CLITIC = re.compile(r"(?<=\w)(n['’]t|['’](?:s|re|ve|ll|d|m))$", re.IGNORECASE)
_CURLY = str.maketrans("’‘“”", "''\"\"")


def clitics(token: Token) -> Sequence[Token]:
    """The words that `token` is, straight quotes for curly ones; places are those of the text."""
    clitic = _CLITIC.search(token.text)
    if not clitic:
        return [token._replace(text=token.text.translate(_CURLY))]
    at = token.end - len(clitic[0].encode())
    before = token._replace(text=token.text[: clitic.start()].translate(_CURLY), end=at)
    return [before, token._replace(text=clitic[0].translate(_CURLY), start=at, first=False)]


def whole(token: Token) -> Sequence[Token]:
    """`token` as it is."""
    return [token]
