"""The rows of dev sentences that ship with the project, for figures without the data folder."""

from pathlib import Path
from typing import NamedTuple

from streamer.models.datasets.agreement_rows import TAGS, AgreementRow, read_rows
from streamer.models.datasets.text_files import read_lines

FOLDER = Path(__file__).parent / "sample"


class DistantRow(NamedTuple):
    """A row, and how many words after its subject the verb stands."""

    distance: int
    row: AgreementRow


def rows(name: str) -> list[AgreementRow]:
    """The shipped rows of "natural" or "1attractor"."""
    return read_rows(FOLDER / f"{name}.tsv.gz")


def distant_rows() -> list[DistantRow]:
    """The shipped rows whose subject is known: lines "distance<TAB>VBZ|VBP<TAB>words"."""
    parts = [line.split("\t") for _, line in read_lines(FOLDER / "distances.tsv.gz")]
    return [
        DistantRow(int(distance), AgreementRow(TAGS[tag], words.split())) for distance, tag, words in parts
    ]
