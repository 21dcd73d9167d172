"""`streamer compose`: a piece from nothing, a number, a text or a few notes, heard, written or drawn."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from streamer.cli.command import flag, option
from streamer.cli.options import Configured, address
from streamer.config import Config, with_model
from streamer.errors import WrongCall, options_named_as_called
from streamer.music.musicxml import write_musicxml
from streamer.music.piano_roll import ENDINGS
from streamer.music.piece import Piece
from streamer.music.writing import SOUND, write_midi

if TYPE_CHECKING:
    from streamer.music.source import PieceSource

# That a server composes before they are asked for; what is played is steered, so little.
AHEAD_BEATS_PLAYED, AHEAD_BEATS_WRITTEN = 1, 32
SCORES: dict[str, Callable[[Piece, Path], None]] = {
    ".mid": write_midi,
    ".midi": write_midi,
    ".musicxml": write_musicxml,
    ".xml": write_musicxml,
}


@dataclass(frozen=True, kw_only=True)
class Compose(Configured):
    """What a piece is made of, and where it goes; None is the model's own."""

    style: Literal["chorale", "folk"] = option(
        "chorale", "chorale|folk", "Four voices, or a melody with chords."
    )
    seed: int | None = option(None, "SEED", "The same seed gives the same piece.", usual="drawn", min=0)
    prompt: str = option("", "PROMPT", "Go on from a number, a text, notes (C4 E4 G4) or a MIDI file.")
    accompany: str | None = option(
        None, "MELODY", "The first voice: a MIDI file, keys (the computer's, with --play) or port:NAME."
    )
    seconds: float | None = option(
        None, "SECONDS", "How long the piece is.", usual="30, --play without end, --accompany FILE its own"
    )
    temperature: float | None = option(None, "T", "Below 1 is tame, above 1 is wild.", min=0, max=4)
    tempo: float | None = option(None, "BPM", "Beats a minute, 20 to 400.")
    key: str | None = option(None, "KEY", "A key such as G, Bb or F#m.")
    play: bool = flag("Play it while it is composed.")
    output: Path | None = option(None, "FILE", "Write .wav, .flac, .ogg, .mid or .musicxml.")
    roll: Path | None = option(None, "FILE", "Draw the notes as .png, .svg or .pdf.")
    soundfont: Path | None = option(
        None, "FILE", "Sound --output with this .sf2, by fluidsynth if it is installed."
    )
    model: str | None = option(None, "MODEL", "Another composer's name, or its folder.", usual="the style's")
    connect: str | None = address("Let a running server compose in place of this process.")

    @property
    def composer(self) -> str:
        """The name or the folder of the model that composes."""
        return self.model or self.style

    @property
    def accompanied_live(self) -> bool:
        """Whether the first voice is played while the others are composed."""
        return self.accompany is not None and (self.accompany == "keys" or self.accompany.startswith("port:"))

    @property
    def melody(self) -> Path | None:
        """The file that holds the whole first voice."""
        return None if self.accompany is None or self.accompanied_live else Path(self.accompany)

    @property
    def is_sound(self) -> bool:
        """Whether --output is a file of sound."""
        return self.output is not None and self.output.suffix.lower() in SOUND


def compose(wish: Compose) -> None:
    """Compose a piece as `wish` says. ValueError or OSError, one line, before anything is written."""
    # Late, with the composer: --help has no use for torch.
    from streamer.cli.compose_file import read_soundfont, write
    from streamer.cli.compose_live import play

    config = wish.settings()
    _check(wish)
    soundfont = read_soundfont(wish)
    with options_named_as_called(), terminated_like_interrupted(), source_of(config, wish) as source:
        if wish.play:
            play(source, wish)
        else:
            write(source, wish, soundfont)


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the command as Ctrl-C does: nothing half-written stays, the terminal is as it was."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def source_of(config: Config, wish: Compose) -> "Iterator[PieceSource]":
    """A composer in this process, or on the server that `wish` names."""
    if wish.connect is None:
        from streamer.music.source import LocalSource

        yield LocalSource(*with_model(config, wish.composer))
        return
    # Late: what composes by itself needs no sockets.
    from streamer.cli.compose_remote import RemoteSource
    from streamer.clients.notices import Refusal, StreamOver

    ahead_beats = AHEAD_BEATS_WRITTEN
    if wish.play:
        ahead_beats = 0 if wish.accompanied_live else AHEAD_BEATS_PLAYED
    try:
        with RemoteSource(wish.connect, wish.composer, ahead_beats) as source:
            yield source
    except (Refusal, StreamOver) as error:
        raise OSError(str(error)) from None


def _check(wish: Compose) -> None:
    """Wrong names are told before a note is composed."""
    known = (*SOUND, *SCORES)
    for path, endings in ((wish.output, known), (wish.roll, ENDINGS)):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise WrongCall(f"{path}: the ending says what is written; there are {', '.join(endings)}")
        if path.is_dir() or not path.parent.is_dir():
            raise ValueError(f"{path} can't be written: {path.parent} is no folder, or {path} is one")
        if not os.access(path.parent, os.W_OK):
            raise ValueError(f"{path} can't be written: {path.parent} may only be read")
    if wish.accompanied_live and not wish.play:
        raise WrongCall(f"--accompany {wish.accompany} is played live; add --play")
