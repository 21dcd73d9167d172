"""The card that a training writes beside its weights, so that the run's folder is a model at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamer.models.card import DataSource
from streamer.output_file import write_text


@dataclass(frozen=True)
class About:
    """The lines of a card above its tables."""

    name: str
    task: str
    description: str
    licence: str
    command: str


def words_feeder(tail: int, **options: Any) -> dict[str, Any]:
    """The feeder of a network that reads words, whose list is words.txt beside the card."""
    return {"kind": "words", "words": "words.txt", "tail": tail, **options}


def write_card(
    folder: Path, about: About, tables: Mapping[str, Mapping[str, Any]], sources: Sequence[DataSource]
) -> None:
    """Write `folder`/card.toml: what it is about, its tables, and its data."""
    lines = _lines(asdict(about))
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    for source in sources:
        entries = {"name": source.name, "licence": source.licence, "split": source.split}
        lines += ["", "[[data]]", *_lines(entries)]
    write_text(folder / "card.toml", "\n".join(lines) + "\n")


def without_outputs(options: Mapping[str, Any]) -> dict[str, Any]:
    """A network's options as a card has them: its labels count the outputs."""
    return {key: value for key, value in options.items() if key != "outputs"}


def _lines(table: Mapping[str, Any]) -> list[str]:
    # Strings, numbers and lists of strings are written in TOML as they are in JSON.
    return [f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)
