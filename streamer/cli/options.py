"""Arguments that several commands take."""

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import typer

from streamer.cli.command import flag, option
from streamer.config import Config, read_config
from streamer.offline.caption_options import CaptionOptions, parse_hot_words

ADDRESS = re.compile(r"tcp://\S+:(\d{1,5})|ipc://\S+")
LAST_PORT = 65535

Mode = Literal["live", "offline"]
MODES = "live|offline"
JSON = "Write one line of JSON instead of a table."


Named = TypeVar("Named", Path | None, list[Path])


def existing(named: Named) -> Named:
    """The check of what is read: a missing file is told before anything is loaded. `-` is standard input.

    FileNotFoundError for the first that isn't there.
    """
    for path in named if isinstance(named, list) else [named]:
        if path is not None and str(path) != "-" and not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return named


@dataclass(frozen=True, kw_only=True)
class Configured:
    """A command that reads the configuration: each of them."""

    config: Path | None = option(
        None, "FILE", "Read the configuration from FILE.", usual="./config.toml, else the one that ships"
    )

    def settings(self) -> Config:
        """The configuration. ValueError, one line, for a file that is wrong."""
        return read_config(self.config)


@dataclass(frozen=True, kw_only=True)
class Written(Configured):
    """A command that writes down what is spoken."""

    raw: bool = flag("Write the words as they are recognised: no capitals, no full stops.")
    numbers: bool = flag("Write numbers as digits where they are certain.")
    hot_words: str | None = option(None, "WORDS", "Listen for these words and names, separated by commas.")

    def writing(self) -> CaptionOptions:
        """How the words are written. OptionError for options that exclude each other."""
        return CaptionOptions(self.raw, self.numbers, parse_hot_words(self.hot_words))


def address(help: str) -> Any:
    """A field that is an option with an address; one that has another shape is refused."""
    return option(None, "ADDRESS", help, check=_address)


def _address(given: str | None) -> str | None:
    address = ADDRESS.fullmatch(given or "ipc://none")
    if not address or not 0 < int(address[1] or 1) <= LAST_PORT:
        raise typer.BadParameter(f"{given!r} is no address; write tcp://HOST:PORT")
    return given
