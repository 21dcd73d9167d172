"""Options that commands of both command line files share."""

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

Mode = Literal["live", "offline"]
ConfigFile = Annotated[
    Optional[Path],
    typer.Option("--config", metavar="FILE", help="Configuration; else ./config.toml, else the shipped one."),
]
