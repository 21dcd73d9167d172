"""Where models are: those that ship with the project and those that a config names."""

from pathlib import Path

ZOO = Path(__file__).parents[1] / "zoo"


def zoo() -> dict[str, Path]:
    """The shipped models: name -> folder."""
    return {card.parent.name: card.parent for card in sorted(ZOO.glob("*/card.toml"))}


def find(name: str, folders: dict[str, Path]) -> Path:
    """The folder of the model `name`: of `folders`, else of the zoo. ValueError lists the names."""
    known = zoo() | folders
    if name not in known:
        raise ValueError(f"model {name!r} is unknown; there are {', '.join(sorted(known)) or 'none'}")
    return known[name]
