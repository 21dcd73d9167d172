"""Where the words of a live session go: the screen or a pipe, and a file."""

import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import typer

from streamer.clients.caption_file import SUFFIXES
from streamer.clients.caption_forms import Format, line_form
from streamer.clients.live_figures import Figures
from streamer.clients.live_lines import Lines
from streamer.clients.screen import OFFLINE, Screen
from streamer.clients.terminal import TerminalView, drawable
from streamer.errors import WrongCall


def check_save(path: Path, force: bool) -> None:
    """Before anything starts: the name, its folder, and whether a file that is there may be replaced.

    Asks on a terminal. WrongCall for a name of no known format, OSError for what can't or may not be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise WrongCall(f"--save {path}: the name ends in none of {', '.join(SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder, so {path.name} can't be written there")
    if not path.exists() or force:
        return
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    if not asks or not typer.confirm(f"{path} is there already. Replace it?", err=True):
        raise FileExistsError(f"{path} is there already; name another file, or replace it with --force")


@dataclass(frozen=True)
class Output:
    """What goes to standard output: `format` None is the screen on a terminal, else text."""

    format: Format | None = None
    partials: bool = False

    def check(self, remarks: bool) -> None:
        """WrongCall for what subtitles have no place for; `remarks` of models that read the captions."""
        if self.format in ("srt", "vtt") and (self.partials or remarks):
            option = "--partials" if self.partials else "--with"
            raise WrongCall(f"{option} has no place in {self.format}; choose --format text or jsonl")

    def view(self, figures: Figures, rate_hz: int, waits_for: Collection[str]) -> TerminalView:
        """Where a session is shown; `rate_hz` is of its positions, finals wait for those of `waits_for`."""
        if self.format is None and not self.partials and drawable():
            return Screen(figures, waits_for)
        form = line_form(self.format or "text", rate_hz)
        return Lines(figures, form, self.partials, OFFLINE in waits_for)
