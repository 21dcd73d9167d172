"""Where models are: in the zoo that ships, in the folders that a config names, or in any folder."""

import os
from pathlib import Path

ZOO = Path(__file__).parents[1] / "zoo"
CARD = "card.toml"  # what makes a folder a model's


def zoo() -> dict[str, Path]:
    """The shipped models: name -> folder."""
    return {card.parent.name: card.parent for card in sorted(ZOO.glob(f"*/{CARD}"))}


def find(name: str, folders: dict[str, Path]) -> Path:
    """The folder of the model `name`: of `folders`, else of the zoo, else the folder `name` itself.

    A name with a path separator ("./mine", "models/mine", "mine/") is a folder and nothing else.
    ValueError, one line, for a folder without card.toml, and for an unknown name: it lists those known.
    """
    if os.sep in name or "/" in name:
        folder = Path(name).expanduser()
        if not (folder / CARD).is_file():
            raise ValueError(f"{folder}: not a model's folder; it would hold {CARD}")
        return folder
    known = zoo() | folders
    if name in known:
        return known[name]
    if (Path(name) / CARD).is_file():
        return Path(name)
    listed = ", ".join(sorted(known)) or "none"
    raise ValueError(f"model {name!r} is unknown; there are {listed}, and a model's folder may be named")
