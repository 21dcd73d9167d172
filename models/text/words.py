"""Words as input steps: a number from a list, and letters, so that words outside the list differ too."""

import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamer.errors import OptionError
from streamer.models.card import beside

PLACES = 16  # letters of a word that a step holds
FIRST, EMPTY, WORD, LETTERS = 0, 1, 2, 3  # where the channels begin
CHANNELS = LETTERS + PLACES
UNKNOWN = 1  # the id of a word outside the list; 0 is no word, 2 the list's first
OTHER_LETTER = 96  # "!" to "~" are 2 to 95

_SPACE_BEFORE = re.compile(r" ([,.:;?!)\]%]|n't\b|['’](?:s|re|ve|ll|d|m)?\b)")
_SPACE_AFTER = re.compile(r"([(\[$£€]) ")
MAX_CHARACTERS = 64 * 1024 * 1024  # of a file of words
_WORD = re.compile(r"\w+(?:[-'’.]\w+)*|[^\w\s]")


class WordsEncoder:
    """One step for each word: [first, empty, word id, 16 letters], then `tail` empty steps a sentence.

    Words are looked up in lower case; case is in the letters. A long word shows its first and
    last eight. All numbers are whole and exact in float32. `names` are kinds of names, as words: one
    that isn't listed has its kind's id, which all of that kind share.
    """

    channels = CHANNELS
    most = 0
    option_names: tuple[str, ...] = ()

    def __init__(self, words: Sequence[str], tail: int = 0, names: Sequence[Sequence[str]] = ()):
        kinds = {word: number for number, kind in enumerate(names, UNKNOWN + 1 + len(words)) for word in kind}
        self.ids = kinds | {word: number for number, word in enumerate(words, UNKNOWN + 1)}
        self.empty = np.zeros((tail, CHANNELS), np.float32)
        self.empty[:, EMPTY] = 1

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force: there are none. OptionError "options.NAME" for any."""
        for name in options:
            raise OptionError(f"options.{name}", "unknown option of this model's text")
        return {}

    def opened(self, options: dict[str, Any]) -> "WordsEncoder":
        """The encoder of a stream: the same for all."""
        return self

    def steps(self, word: str, first: bool) -> np.ndarray:
        """The step [1, channels] of a word; `first` begins a sentence."""
        step = np.zeros((1, CHANNELS), np.float32)
        step[0, FIRST] = first
        step[0, WORD] = self.ids.get(word.lower(), UNKNOWN)
        shown = _shown(word)
        step[0, LETTERS : LETTERS + len(shown)] = [_letter(letter) for letter in shown]
        return step

    def tail(self, steps: int) -> np.ndarray:
        """The steps [m, channels] after a sentence of `steps` steps."""
        return self.empty


def words_encoder(folder: Path, words: str = "words.txt", tail: int = 0, names: str = "") -> WordsEncoder:
    """The encoder of a model in `folder`: the list `words`, one a line, and of `names` a kind a line.

    ValueError names what is wrong.
    """
    kinds = read_kinds(beside(folder, names, "feeder.names"), "feeder.names") if names else []
    return WordsEncoder(read_words(beside(folder, words, "feeder.words"), "feeder.words"), tail, kinds)


def read_kinds(path: Path, key: str) -> list[list[str]]:
    """The words of each kind of names, a kind a line, as `read_words` reads them."""
    return [line.split(" ") for line in read_words(path, key)]


def read_words(path: Path, key: str) -> list[str]:
    """The lines of `path`, a .gz or plain text. ValueError "KEY: ..." where it cannot be read."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            # Not splitlines: that cuts at characters which a word may hold.
            content = lines.read(MAX_CHARACTERS + 1)
        if len(content) > MAX_CHARACTERS:  # a small .gz may hold any number
            raise ValueError(f"{key}: {path}: more than {MAX_CHARACTERS} characters")
        return content.removesuffix("\n").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{key}: {path}: {getattr(error, 'strerror', None) or error}") from None


def split_words(text: str) -> list[str]:
    """The words and punctuation marks of running text; hyphens and apostrophes stay within words."""
    return _WORD.findall(text)


def join_words(words: Sequence[str]) -> str:
    """Running text from words and punctuation marks, without the spaces that nobody writes."""
    text = _SPACE_BEFORE.sub(r"\1", _SPACE_AFTER.sub(r"\1", " ".join(words)))
    return text[:1].upper() + text[1:]


def _shown(word: str) -> str:
    half = PLACES // 2
    return word if len(word) <= PLACES else word[:half] + word[-half:]


def _letter(letter: str) -> int:
    return ord(letter) - ord("!") + 2 if "!" <= letter <= "~" else OTHER_LETTER
