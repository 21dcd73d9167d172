"""`streamer compose`: a piece from nothing, a number, a text or a few notes, heard, written or drawn."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamer.cli.compose_options import SCORES, Compose
from streamer.cli.options import existing
from streamer.config import Config, with_model
from streamer.errors import WrongCall
from streamer.music.piano_roll import ENDINGS
from streamer.music.writing import SOUND

if TYPE_CHECKING:
    from streamer.music.source import PieceSource

# That a server composes before they are asked for; what is played is steered, so little.
AHEAD_BEATS_PLAYED, AHEAD_BEATS_WRITTEN = 1, 32


def compose(wish: Compose) -> None:
    """Compose a piece as `wish` says. ValueError or OSError, one line, before anything is written."""
    existing(wish.melody)
    # Late, with the composer: --help has no use for torch.
    from streamer.cli.compose_file import read_soundfont, write
    from streamer.cli.compose_live import play

    config = wish.settings()
    _check(wish)
    soundfont = read_soundfont(wish)
    with source_of(config, wish) as source:
        if wish.play:
            play(source, wish)
        else:
            write(source, wish, soundfont)


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
