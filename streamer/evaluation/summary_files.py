"""The files that summaries are measured on: sentences with the words to keep, abstracts with titles."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import msgspec


class Compression(msgspec.Struct, frozen=True):
    """A row of sentence_compression; `labels` is 1 for a word to keep, None where nobody knows."""

    tokens: list[str]
    labels: list[int] | None


class Paper(msgspec.Struct, frozen=True):
    """A row of arxiv_titles."""

    abstract: str
    title: str


def read_rows(path: Path) -> list[Compression] | list[Paper]:
    """The rows of a .jsonl or .jsonl.gz, by its keys. ValueError, one line, for any other file."""
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        rows = [json.loads(line) for line in text.decode("utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or 'not a whole gzip file'}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not JSON lines ({error})") from None
    if not rows:
        raise ValueError(f"{path}: holds no rows")
    kind = Paper if isinstance(rows[0], dict) and "abstract" in rows[0] else Compression
    return [_row(path, number, row, kind) for number, row in enumerate(rows, 1)]


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
