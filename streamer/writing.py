"""How a command writes what it hears: options of a stream, for the readers that know them."""

from collections.abc import Collection
from typing import Any, NamedTuple

from streamer.wrong_call import WrongCall


class Writing(NamedTuple):
    """`raw` is the words as they were recognised; else sentences. `numbers` makes numbers digits."""

    raw: bool = False
    numbers: bool = False

    def options(self, known: Collection[str]) -> dict[str, Any]:
        """The options for a reader that has those `known`. ValueError for numbers where it has none."""
        if self.raw and self.numbers:
            raise WrongCall("--raw and --numbers exclude each other")
        if self.numbers and "numbers" not in known:
            raise ValueError("--numbers: this model writes no numbers")
        wanted = {"sentences": not self.raw, "numbers": self.numbers}
        return {name: value for name, value in wanted.items() if value and name in known}


RAW = Writing(raw=True)
