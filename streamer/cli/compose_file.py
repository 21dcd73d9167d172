"""`streamer compose` to files: the whole piece as fast as it goes, its sound, its score, its picture."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from rich.progress import Progress

from streamer.cli.compose_options import SCORES, Compose
from streamer.cli.compose_plan import open_piece, plan
from streamer.errors import WrongCall
from streamer.music.piano_roll import write_roll
from streamer.music.piece import Piece
from streamer.music.sound import RATE_HZ
from streamer.music.soundfont import SoundFont
from streamer.music.source import PieceSource
from streamer.music.terminal_roll import drawn
from streamer.music.writing import SOUND, SoundFile
from streamer.output_file import replacing

DEFAULT_SECONDS = 30.0
PAGE_STEPS = 72  # of a piano roll on the terminal


def write(source: PieceSource, wish: Compose, soundfont: SoundFont | None) -> None:
    """Compose the whole piece, and write what is asked for; the seed goes to standard error."""
    planned = plan(source, wish, DEFAULT_SECONDS)
    performance = open_piece(source, wish, planned)
    assert planned.length is not None and planned.seconds is not None
    with ExitStack() as files:
        sound = None if soundfont else _sound_file(files, wish)
        bar = files.enter_context(Progress(disable=not sys.stderr.isatty(), transient=True))
        task = bar.add_task("composing", total=planned.length.steps)
        for played in performance:
            if sound:
                sound.write(played.samples)
            bar.advance(task)
        if sound:
            sound.close()
        if soundfont and wish.output:
            partial = files.enter_context(replacing(wish.output))
            soundfont.render(performance.piece, planned.length.hold_seconds, planned.seconds, partial)
        write_scores(performance.piece, source, wish)
    if wish.output is None and wish.roll is None:
        for line in pages(performance.piece.steps):
            print(line)


def write_scores(piece: Piece, source: PieceSource, wish: Compose) -> None:
    """The score and the picture of a piece that is done; its seed, so that it can be had again."""
    seed = source.options["seed"]
    if wish.output and (score := SCORES.get(wish.output.suffix.lower())):
        with replacing(wish.output) as partial:
            score(piece, partial)
    if wish.roll:
        with replacing(wish.roll) as partial:
            write_roll(piece, partial, f"{wish.composer}, seed {seed}")
    print(f"streamer: seed {seed}", file=sys.stderr)


def read_soundfont(wish: Compose) -> SoundFont | None:
    """The SoundFont that is asked for. WrongCall where nothing would sound with it."""
    if wish.soundfont is None:
        return None
    if wish.play:
        raise WrongCall("--soundfont sounds a piece that is finished; leave --play out and name an --output")
    if not wish.is_sound:
        raise WrongCall(f"--soundfont makes sound; add --output FILE with {', '.join(SOUND)}")
    return SoundFont(wish.soundfont)


def _sound_file(files: ExitStack, wish: Compose) -> SoundFile | None:
    """The sound file of a command, if it asked for one; closed with `files` at the latest."""
    if not (wish.output and wish.is_sound):
        return None
    file = SoundFile(files.enter_context(replacing(wish.output)), RATE_HZ)
    files.callback(file.close)
    return file


def pages(steps: Sequence[Sequence[int]]) -> list[str]:
    """The whole piece as a piano roll, `PAGE_STEPS` steps a page."""
    lines: list[str] = []
    for start in range(0, len(steps), PAGE_STEPS):
        lines += [*drawn(steps[start : start + PAGE_STEPS], PAGE_STEPS), ""]
    return lines
