"""Arguments that several commands take."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from streamer.config import Config, read_config
from streamer.offline.caption_options import CaptionOptions, parse_hot_words

ADDRESS = re.compile(r"tcp://\S+:(\d{1,5})|ipc://\S+")
LAST_PORT = 65535

Mode = Literal["live", "offline"]
MODES = "live|offline"
Json = Annotated[bool, typer.Option("--json", help="Write one line of JSON in place of a table.")]


@dataclass(frozen=True, kw_only=True)
class Configured:
    """A command that reads the configuration: each of them."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Read the configuration from FILE.",
            show_default="./config.toml, else the one that ships",
        ),
    ] = None

    def settings(self) -> Config:
        """The configuration. ValueError, one line, for a file that is wrong."""
        return read_config(self.config)


@dataclass(frozen=True, kw_only=True)
class Written(Configured):
    """A command that writes down what is spoken."""

    raw: Annotated[
        bool,
        typer.Option("--raw", help="Write the words as they are recognised: no capitals, no full stops."),
    ] = False
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Write numbers as digits where they are certain.")
    ] = False
    hot_words: Annotated[
        str | None,
        typer.Option(
            "--hot-words", metavar="WORDS", help="Listen for these words and names, with commas between."
        ),
    ] = None

    def writing(self) -> CaptionOptions:
        """How the words are written. WrongCall for options that exclude each other."""
        return CaptionOptions(self.raw, self.numbers, parse_hot_words(self.hot_words))


def connect_option(help: str) -> typer.models.OptionInfo:
    """The option --connect, for an address that has the shape of one."""
    return typer.Option("--connect", metavar="ADDRESS", help=help, callback=_address)


def _address(given: str | None) -> str | None:
    address = ADDRESS.fullmatch(given or "ipc://none")
    if not address or not 0 < int(address[1] or 1) <= LAST_PORT:
        raise typer.BadParameter(f"{given!r} is no address; write tcp://HOST:PORT")
    return given
