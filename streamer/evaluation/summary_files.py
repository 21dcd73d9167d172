"""The files that summaries are measured on: sentences with the words to keep, abstracts with titles."""

import json
from pathlib import Path
from typing import Any

import msgspec

from streamer.models.datasets.text_files import read_lines


class Compression(msgspec.Struct, frozen=True):
    """A row of sentence_compression; `labels` is 1 for a word to keep, None where it is unknown."""

    tokens: list[str]
    labels: list[int] | None


class Paper(msgspec.Struct, frozen=True):
    """A row of arxiv_titles."""

    abstract: str
    title: str


def read_rows(path: Path) -> list[Compression] | list[Paper]:
    """The rows of a .jsonl or .jsonl.gz, by its keys. ValueError, one line, for any other file."""
    rows: list[Any] = []
    kind: type[Compression] | type[Paper] = Compression
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: not JSON lines ({error})") from None
        if not rows and isinstance(row, dict) and "abstract" in row:
            kind = Paper
        rows.append(_row(path, number, row, kind))
    if not rows:
        raise ValueError(f"{path}: holds no rows")
    return rows


def _row(path: Path, number: int, row: Any, kind: type[Compression] | type[Paper]) -> Any:
    try:
        result = msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        wanted = " and ".join(kind.__struct_fields__)
        raise ValueError(f"{path}: line {number}: {error}; a row holds {wanted}") from None
    if isinstance(result, Compression) and result.labels is not None:
        tokens, labels = len(result.tokens), len(result.labels)
        if tokens != labels:
            raise ValueError(f"{path}: line {number}: {tokens} tokens and {labels} labels")
    return result
