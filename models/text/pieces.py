"""Running text as sub-words (sentencepiece), for networks that translate."""

import re
from collections.abc import Container, Sequence
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from sentencepiece import SentencePieceProcessor

from streamer.errors import OptionError
from streamer.models.card import beside
from streamer.models.text.masks import PLACEHOLDER

FIRST, EMPTY, PIECE, WAIT, BEGINS, COMPLETES = range(6)
CHANNELS = 6
NONE, UNKNOWN, END = 0, 1, 2  # pieces of every source model: no piece, a letter it lacks, the sentence's end
MOST_PIECES = 12  # of one word; what is longer is known by its beginning

CountOrNone = Annotated[int, msgspec.Meta(ge=0, le=16384)]
Share = Annotated[float, msgspec.Meta(ge=0, le=4)]
Waits = list[Annotated[int, msgspec.Meta(ge=1, le=64)]]

# Hyphens part words as spaces do; an apostrophe stays within a word, or begins what follows it.
_CHUNK = re.compile(r"['’]?\w+(?:['’]\w+)*|[^\w\s]")
_CURLY = str.maketrans("’‘“”", "''\"\"")


class PiecesEncoder:
    """A step for each piece: [first, empty, piece, k, begins a word, completes it], then empty steps.

    k is how many words the translation waits for (Ma 2019). Punctuation belongs to the word before
    it. After a sentence come as many empty steps as `empty_steps` says, so that the translation can
    end; a sentence has at most `most` steps.
    """

    channels = CHANNELS
    option_names = ("lookahead",)
    known: Container[str] | None = None  # words that are no names, of a network that reads masked text

    def __init__(
        self,
        model: SentencePieceProcessor,
        waits: Sequence[int] = (),
        wait: int = 0,
        growth: float = 0.0,
        spare: int = 0,
        most: int = 0,
    ):
        self.model, self.waits, self.wait = model, tuple(waits), wait
        self.growth, self.spare, self.most = growth, spare, most

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        for name in options:
            if name != "lookahead" or not self.waits:
                raise OptionError(f"options.{name}", "unknown option of this model's text")
        wait = options.get("lookahead")
        wait = self.wait if wait is None else wait
        if self.waits and (type(wait) is not int or wait not in self.waits):
            there_are = ", ".join(map(str, self.waits))
            raise OptionError("options.lookahead", f"{wait!r} is none of the words to wait for: {there_are}")
        return {"lookahead": wait} if self.waits else {}

    def opened(self, options: dict[str, Any]) -> "PiecesEncoder":
        """The encoder of a stream with the options that `parse` returned."""
        wait = options.get("lookahead", self.wait)
        opened = PiecesEncoder(self.model, self.waits, wait, self.growth, self.spare, self.most)
        opened.known = self.known
        return opened

    def steps(self, word: str, first: bool) -> np.ndarray:
        """The steps [n, channels] of a word and of what is glued to it; `first` begins a sentence."""
        steps_of_chunks = [word_steps(self.model, chunk) for chunk in chunks(word)]
        steps = np.concatenate([np.zeros((0, CHANNELS), np.float32), *steps_of_chunks])
        steps[:, WAIT] = self.wait
        steps[:1, FIRST] = first
        return steps

    def tail(self, steps: int) -> np.ndarray:
        """The empty steps [m, channels] after a sentence of `steps` steps."""
        empty = np.zeros((empty_steps(steps, self.wait, self.growth, self.spare), CHANNELS), np.float32)
        empty[:, EMPTY], empty[:, WAIT] = 1, self.wait
        return empty


def empty_steps(steps: int, wait: int, growth: float, spare: int) -> int:
    """How many empty steps follow a sentence of `steps` steps that is translated `wait` words late.

    `growth` a step and `spare` for a target that is longer than its source, and one for each word of
    waiting: a word has about two pieces, and a step emits two units.
    """
    return ceil(steps * growth + min(max(wait - 1, 0), steps / 2)) + spare


def pieces_encoder(
    folder: Path,
    model: str = "source.model",
    waits: Waits = [],  # noqa: B006 - a default of the card; nobody changes it
    wait: CountOrNone = 0,
    growth: Share = 0.0,
    spare: CountOrNone = 0,
    most: CountOrNone = 0,
    known: str = "",
) -> PiecesEncoder:
    """The encoder of a model in `folder`. ValueError names what is wrong.

    `known` is a file of words, a line each, beside the card of a network that reads masked text.
    """
    if waits and wait not in waits:
        raise ValueError(f"feeder.wait: {wait} is none of feeder.waits")
    pieces = read_model(beside(folder, model, "feeder.model"), "feeder.model")
    encoder = PiecesEncoder(pieces, waits, wait, growth, spare, most)
    if known:
        encoder.known = _read_words(beside(folder, known, "feeder.known"))
    return encoder


def _read_words(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text("utf-8").split())
    except OSError as error:
        raise ValueError(f"feeder.known: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"feeder.known: {path} is not UTF-8") from None


def read_model(path: Path, key: str) -> SentencePieceProcessor:
    """The sentencepiece model in `path`. ValueError begins with `key`, the card's, where it is none."""
    try:
        return SentencePieceProcessor(model_proto=path.read_bytes())
    except OSError as error:
        raise ValueError(f"{key}: {path}: {error.strerror}") from None
    except RuntimeError:
        raise ValueError(f"{key}: {path} is no sentencepiece model") from None


def chunks(text: str) -> list[str]:
    """Words, each with the space before it, and punctuation marks, without one."""
    parts = _CHUNK.findall(text.translate(_CURLY))
    return [f" {part}" if part[0].isalnum() else part for part in parts]


def word_steps(model: SentencePieceProcessor, chunk: str) -> np.ndarray:
    """The steps [n, channels] of one of `chunks`, without first mark and k."""
    pieces = model.encode(chunk)[:MOST_PIECES] or [UNKNOWN]
    steps = np.zeros((len(pieces), CHANNELS), np.float32)
    steps[:, PIECE] = pieces
    steps[0, BEGINS] = chunk[0] == " " or PLACEHOLDER.match(chunk) is not None
    steps[-1, COMPLETES] = 1
    return steps
