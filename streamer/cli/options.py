"""Options that commands of the command line's files share."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

ADDRESS = re.compile(r"tcp://\S+:(\d{1,5})|ipc://\S+")
LAST_PORT = 65535

Mode = Literal["live", "offline"]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration; else ./config.toml, else the shipped one."),
]


def connect_option(help: str) -> typer.models.OptionInfo:
    """The option --connect, for an address that has the shape of one."""
    return typer.Option("--connect", metavar="ADDRESS", help=help, callback=_address)


def _address(given: str | None) -> str | None:
    found = ADDRESS.fullmatch(given or "ipc://none")
    if not found or not 0 < int(found[1] or 1) <= LAST_PORT:
        raise typer.BadParameter(f"{given!r} is no address; write tcp://HOST:PORT")
    return given
