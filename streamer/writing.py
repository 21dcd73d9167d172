"""How a command writes what it hears: options of a stream, for the readers that know them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from streamer.wrong_call import WrongCall


@dataclass(frozen=True)
class Writing:
    """`raw` is the words as they were recognised; else sentences. `numbers` makes numbers digits.

    WrongCall for both.
    """

    raw: bool = False
    numbers: bool = False

    def __post_init__(self) -> None:
        if self.raw and self.numbers:
            raise WrongCall("--raw and --numbers exclude each other")

    def options(self, known: Collection[str]) -> dict[str, Any]:
        """The options for a reader that has those `known`. ValueError for numbers where it has none."""
        if self.numbers and "numbers" not in known:
            raise ValueError("--numbers: this model writes no numbers")
        wanted = {"sentences": not self.raw, "numbers": self.numbers}
        return {name: value for name, value in wanted.items() if value and name in known}


RAW = Writing(raw=True)
