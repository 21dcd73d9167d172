"""A model's card: what it is, how it is built, what it was trained on and what it scored."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from streamer.models.imports import is_import_path

MAX_BYTES = 1024 * 1024
MAX_FILE_BYTES = 512 * 1024 * 1024  # of what a card names beside it
TASKS = (
    "captions",
    "commands",
    "entities",
    "sentiment",
    "translation",
    "summary",
    "headline",
    "music",
    "agreement",
)


class Part(msgspec.Struct, frozen=True):
    """A piece to build: the name of its architecture and the options it is built with."""

    architecture: str
    options: dict[str, Any] = {}


class ReaderPart(msgspec.Struct, frozen=True):
    """The reader: its kind and the options it is built with."""

    kind: str
    options: dict[str, Any] = {}


class FeederPart(msgspec.Struct, frozen=True):
    """What makes a network's input steps where it is not sound: its kind and its options."""

    kind: str
    options: dict[str, Any] = {}


class Partner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A live model beside this one, whose log-probabilities count for `share` in the mean of both."""

    model: str
    share: float


class DataSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Data that the weights were trained on."""

    name: str
    licence: str
    split: str = "train"


class Card(msgspec.Struct, frozen=True):
    """The content of card.toml. `labels` are the network's heads, in order, a string a column.

    A model of sound has a `front`, any other one a `feeder`.
    """

    name: str
    task: str
    description: str
    licence: str
    command: str
    front: Part | None
    network: Part
    reader: ReaderPart
    labels: dict[str, list[str]]
    feeder: FeederPart | None = None
    partner: Partner | None = None
    data: list[DataSource] = []
    scores: dict[str, dict[str, str | float]] = {}

    @property
    def outputs(self) -> int:
        """Columns of the network's output: the heads side by side."""
        return sum(len(strings) for strings in self.labels.values())


def _anything(card: Card) -> None:
    """A task that wants nothing of its cards."""


@dataclass(frozen=True)
class Task:
    """A task of one's own, which a card names by its import path.

    `name` is what a server tells of its models. `check` raises ValueError for a card whose labels or
    options don't suit the task.
    """

    name: str
    check: Callable[[Card], None] = _anything


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """card.toml as it is written: a part's options stand beside its name."""

    name: str
    task: str
    network: dict[str, Any]
    reader: dict[str, Any]
    labels: dict[str, list[str]]
    front: dict[str, Any] | None = None
    feeder: dict[str, Any] | None = None
    partner: Partner | None = None
    description: str = ""
    licence: str = ""
    command: str = ""
    data: list[DataSource] = []
    scores: dict[str, dict[str, str | float]] = {}


def read_card(folder: Path) -> Card:
    """The card of the model in `folder`. ValueError names the file and the key that is wrong."""
    path = folder / "card.toml"
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"{path}: more than {MAX_BYTES} bytes; no card needs so many")
        raw = tomllib.loads(content.decode())
        if unknown := sorted(raw.keys() - set(_Written.__struct_fields__)):
            known = ", ".join(_Written.__struct_fields__)
            raise ValueError(f"{path}: {', '.join(unknown)} is unknown; there are {known}")
        written = msgspec.convert(raw, _Written)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; a model's folder holds card.toml") from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deep") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from None
    if written.task not in TASKS and not is_import_path(written.task):
        raise ValueError(
            f"{path}: task is {written.task!r}; it must be one of {', '.join(TASKS)}, "
            "or package.module:NAME of your own"
        )
    if not written.labels or not all(written.labels.values()):
        raise ValueError(f"{path}: labels must hold at least one list, and no empty one")
    if (written.front is None) == (written.feeder is None):
        raise ValueError(f"{path}: wanted either [front], for sound, or [feeder]")
    front = None if written.front is None else Part(*_named(path, "front", "architecture", written.front))
    feeder = None if written.feeder is None else FeederPart(*_named(path, "feeder", "kind", written.feeder))
    return Card(
        name=written.name,
        task=written.task,
        description=written.description,
        licence=written.licence,
        command=written.command,
        front=front,
        network=Part(*_named(path, "network", "architecture", written.network)),
        reader=ReaderPart(*_named(path, "reader", "kind", written.reader)),
        labels=written.labels,
        feeder=feeder,
        partner=written.partner,
        data=written.data,
        scores=written.scores,
    )


def beside(folder: Path, name: str, key: str) -> Path:
    """The file `name` of the model in `folder`: in it, or in the folder of a model beside it.

    A card may come from anywhere, so it can't name any other file of the machine. ValueError "KEY: ...".
    """
    path = folder / name
    resolved, home = path.resolve(), folder.resolve()
    owner = home if resolved.is_relative_to(home) else resolved.parent
    if owner != home and not (owner.parent == home.parent and (owner / "card.toml").is_file()):
        raise ValueError(f"{key}: {name!r} is neither in the model's folder nor in one of a model beside it")
    if resolved.is_file() and resolved.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{key}: {name!r} has more than {MAX_FILE_BYTES // 2**20} MiB")
    return path


def _named(path: Path, table: str, key: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name = options.get(key)
    if not isinstance(name, str) or not name:
        raise ValueError(f"{path}: {table}.{key} must be a name")
    return name, {k: v for k, v in options.items() if k != key}
