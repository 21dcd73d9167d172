"""What a transcription listens for and how it is written: options for the readers that know them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from streamer.errors import OptionError, WrongCall


@dataclass(frozen=True)
class CaptionOptions:
    """`raw` is the words as they were recognised; else sentences. `numbers` makes numbers digits.

    `hot_words` are words and names to listen for. OptionError for `raw` with `numbers`.
    """

    raw: bool = False
    numbers: bool = False
    hot_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.raw and self.numbers:
            raise OptionError(
                "options.numbers", "words as they are recognised (raw) have no digits; leave one out"
            )

    def options(self, known: Collection[str]) -> dict[str, Any]:
        """The options for a reader that has those `known`. OptionError for what was asked and it hasn't."""
        if self.numbers and "numbers" not in known:
            raise OptionError("options.numbers", "this model writes no numbers")
        if self.hot_words and "hot_words" not in known:
            raise OptionError("options.hot_words", "this model listens for no words; captions do")
        wanted = {"sentences": not self.raw, "numbers": self.numbers, "hot_words": list(self.hot_words)}
        return {name: value for name, value in wanted.items() if value and name in known}


def parse_hot_words(words: str | None) -> tuple[str, ...]:
    """Words or phrases with commas between, as a command takes them. WrongCall for none at all."""
    phrases = tuple(phrase for part in (words or "").split(",") if (phrase := part.strip()))
    if words is not None and not phrases:
        raise WrongCall("--hot-words names no word; write them with commas between")
    return phrases


RAW, SENTENCES = CaptionOptions(raw=True), CaptionOptions()
