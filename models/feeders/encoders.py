"""Encoders: from the words of a sentence to a network's input steps; and the encoder that a card names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from streamer.models.card import Card
from streamer.models.options import built
from streamer.models.text.clitics import clitics, whole
from streamer.models.text.pieces import pieces_encoder
from streamer.models.text.tokens import Token
from streamer.models.text.words import words_encoder


class Encoder(Protocol):
    """Law: the steps of a sentence are a function of its words and the stream's options alone."""

    channels: int
    most: int  # steps that a sentence may have, without its tail; 0: any number

    @property
    def option_names(self) -> tuple[str, ...]:
        """The options that a stream may set."""

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""

    def opened(self, options: dict[str, Any]) -> "Encoder":
        """The encoder of a stream with what `parse` returned."""

    def steps(self, word: str, first: bool) -> np.ndarray:
        """The steps float32 [n, channels] of a word; `first` begins a sentence."""

    def tail(self, steps: int) -> np.ndarray:
        """The empty steps float32 [m, channels] after a sentence of `steps` steps."""


Split = Callable[[Token], Sequence[Token]]


class Reading(NamedTuple):
    """How a network reads running text: what it takes for a word, and how words become steps."""

    split: Split
    encoder: Encoder


class Kind(NamedTuple):
    """A kind of feeder that a card may name."""

    split: Split
    make: Callable[..., Encoder]


KINDS = {"words": Kind(clitics, words_encoder), "pieces": Kind(whole, pieces_encoder)}


def reading(card: Card, folder: Path) -> Reading:
    """The encoder of the text model in `folder`. ValueError names what doesn't fit."""
    feeder = card.feeder
    if feeder is None or feeder.kind not in KINDS:
        raise ValueError(f"{folder / 'card.toml'}: feeder.kind reads no text; there are {', '.join(KINDS)}")
    kind = KINDS[feeder.kind]
    try:
        return Reading(
            kind.split, built("feeder", feeder.kind, kind.make, {"folder": folder} | feeder.options)
        )
    except ValueError as error:
        raise ValueError(f"{folder / 'card.toml'}: {error}") from None
