"""The card that a training writes beside its weights, so that the run's folder is a model at once."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamer.models.bundle.card import Source


def write_card(
    folder: Path,
    *,
    task: str,
    about: Mapping[str, str],
    architecture: str,
    options: Mapping[str, Any],
    tail: int,
    reader: Mapping[str, Any],
    feeder: Mapping[str, Any] = {},
    labels: Mapping[str, Sequence[str]],
    sources: Sequence[Source],
) -> None:
    """Write `folder`/card.toml of a network that reads words, whose list is words.txt beside it.

    `about` holds name, description, licence and command.
    """
    top = {"name": about["name"], "task": task} | {k: about[k] for k in ("description", "licence", "command")}
    tables = {
        "feeder": {"kind": "words", "words": "words.txt", "tail": tail, **feeder},
        "network": {"architecture": architecture, **options},
        "reader": {"kind": task, **reader},
        "labels": labels,
    }
    write_tables(folder, top, tables, sources)


def write_tables(
    folder: Path, top: Mapping[str, str], tables: Mapping[str, Mapping[str, Any]], sources: Sequence[Source]
) -> None:
    """Write `folder`/card.toml of any network: what stands above its tables, the tables, and its data."""
    lines = _lines(top)
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    for source in sources:
        some = {"name": source.name, "licence": source.licence, "split": source.split}
        lines += ["", "[[data]]", *_lines(some)]
    (folder / "card.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lines(table: Mapping[str, Any]) -> list[str]:
    # Strings, numbers and lists of strings are written in TOML as they are in JSON.
    return [f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)
