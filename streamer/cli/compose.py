"""`streamer compose`: a piece from nothing, a number, a text or a few notes, heard, written or drawn."""

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.progress import Progress

from streamer.cli.options import Configured, connect_option
from streamer.config import Config, with_model
from streamer.errors import WrongCall, options_named_as_called
from streamer.music.musicxml import write_musicxml
from streamer.music.performance import Length, Performance, length_of
from streamer.music.piano_roll import ENDINGS, write_roll
from streamer.music.piece import Piece
from streamer.music.prompts import Prompt, read_melody, read_prompt
from streamer.music.sound import FADE_SECONDS, RATE_HZ, Sound
from streamer.music.soundfont import SoundFont
from streamer.music.source import LocalSource, PieceSource
from streamer.music.terminal_roll import drawn
from streamer.music.writing import SOUND, SoundFile, whole, write_midi

DEFAULT_SECONDS = 30.0
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

    style: Annotated[
        Literal["chorale", "folk"], typer.Option(help="Four voices, or a melody with chords.")
    ] = "chorale"
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEED", help="The same seed gives the same piece.", show_default="drawn"),
    ] = None
    prompt: Annotated[
        str,
        typer.Option(metavar="PROMPT", help="Go on from a number, a text, notes (C4 E4 G4) or a MIDI file."),
    ] = ""
    accompany: Annotated[
        str | None,
        typer.Option(
            metavar="MELODY",
            help="The first voice: a MIDI file, keys (the computer's, with --play) or port:NAME.",
        ),
    ] = None
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="How long the piece is.",
            show_default="30; --play without end; --accompany FILE its own",
        ),
    ] = None
    temperature: Annotated[
        float | None, typer.Option(min=0, max=4, metavar="T", help="Below 1 is tame, above 1 is wild.")
    ] = None
    tempo: Annotated[float | None, typer.Option(metavar="BPM", help="Beats a minute, 20 to 400.")] = None
    key: Annotated[str | None, typer.Option(metavar="KEY", help="A key such as G, Bb or F#m.")] = None
    play: Annotated[bool, typer.Option("--play", help="Play it while it is composed.")] = False
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write .wav, .flac, .ogg, .mid or .musicxml.")
    ] = None
    roll: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the notes as .png, .svg or .pdf.")
    ] = None
    soundfont: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sound --output with this .sf2, by fluidsynth if it is installed."),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Another composer's name, or its folder.", show_default="the style's"
        ),
    ] = None
    connect: Annotated[
        str | None, connect_option("Let a running server compose in place of this process.")
    ] = None

    @property
    def composer(self) -> str:
        return self.model or self.style


def compose(wish: Compose) -> None:
    """Compose a piece as `wish` says. ValueError or OSError, one line, before anything is written."""
    config = wish.settings()
    _check_outputs(wish)
    if wish.accompany is not None and live_melody(wish.accompany) and not wish.play:
        raise WrongCall(f"--accompany {wish.accompany} is played live; add --play")
    soundfont = _soundfont(wish)
    with options_named_as_called(), terminated_like_interrupted(), source_of(config, wish) as source:
        _play(source, wish) if wish.play else _write(source, wish, soundfont)


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the command as Ctrl-C does: nothing half-written stays, the terminal is as it was."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def source_of(config: Config, wish: Compose) -> Iterator[PieceSource]:
    """A composer in this process, or on the server that `wish` names."""
    if wish.connect is None:
        yield LocalSource(*with_model(config, wish.composer))
        return
    # Imported late: what composes by itself needs no sockets.
    from streamer.cli.compose_remote import RemoteSource
    from streamer.clients.notices import Refusal, StreamOver

    ahead_beats = AHEAD_BEATS_WRITTEN
    if wish.play:
        ahead_beats = 0 if wish.accompany and live_melody(wish.accompany) else AHEAD_BEATS_PLAYED
    try:
        with RemoteSource(wish.connect, wish.composer, ahead_beats) as source:
            yield source
    except (Refusal, StreamOver) as error:
        raise OSError(str(error)) from None


def _write(source: PieceSource, wish: Compose, soundfont: SoundFont | None) -> None:
    """Compose the whole piece as fast as it goes."""
    prompt = prompt_of(source, wish)
    length, seconds = asked(source, wish, prompt) or asked(
        source, replace(wish, seconds=DEFAULT_SECONDS), prompt
    )
    source.open(options_of(source, wish, prompt, length.steps))
    performance = perform(source, length, seconds)
    with ExitStack() as files:
        written = _SoundOutput(files, None if soundfont else wish.output)
        bar = files.enter_context(Progress(disable=not sys.stderr.isatty(), transient=True))
        task = bar.add_task("composing", total=length.steps)
        for played in performance:
            written.write(played.samples)
            bar.advance(task)
        written.close()
        if soundfont and wish.output:
            partial = files.enter_context(whole(wish.output))
            soundfont.render(performance.piece, length.hold_seconds, seconds, partial)
        write_scores(performance.piece, wish.output, wish.roll, title_of(wish, source))
    _tell(performance.piece, wish, source)


def _play(source: PieceSource, wish: Compose) -> None:
    """Let the piece be heard; it has no end unless it was asked for one."""
    # Imported late: it needs a sound system, which composing to a file doesn't.
    from streamer.cli.compose_live import Played

    if wish.output and wish.output.suffix.lower() in SOUND:
        raise WrongCall(f"--play writes {', '.join(SCORES)} or --roll; for sound leave --play out")
    prompt = prompt_of(source, wish)
    length, seconds = asked(source, wish, prompt) or (None, None)
    source.open(options_of(source, wish, prompt, length.steps if length else None))
    performance = perform(source, length, seconds, kept=bool(wish.output or wish.roll))
    Played(performance, wish.accompany).run()
    write_scores(performance.piece, wish.output, wish.roll, title_of(wish, source))
    print(f"streamer: seed {source.options['seed']}", file=sys.stderr)


def prompt_of(source: PieceSource, wish: Compose) -> Prompt:
    """What the piece begins with, or a whole melody. ValueError as the prompts say."""
    prompt = read_prompt(wish.prompt, source.steps_per_beat)
    if not accompanied(wish):
        return prompt
    if prompt.melody:
        raise WrongCall("--prompt and --accompany both give the first voice; let one of them be")
    return replace(prompt, melody=read_melody(Path(wish.accompany), source.steps_per_beat))


def asked(source: PieceSource, wish: Compose, prompt: Prompt) -> tuple[Length, float] | None:
    """The length that is asked for, and its seconds; an accompaniment is as long as its melody.

    None for no end.
    """
    tempo, per_beat = tempo_of(source, wish), source.steps_per_beat
    if wish.seconds is not None:
        return length_of(wish.seconds, tempo, per_beat), wish.seconds
    if not accompanied(wish):
        return None
    return Length(len(prompt.melody), 0.0), len(prompt.melody) * 60 / (tempo * per_beat) + FADE_SECONDS


def options_of(source: PieceSource, wish: Compose, prompt: Prompt, steps: int | None) -> dict[str, Any]:
    """The stream's options of a piece that ends after `steps`, or never."""
    seed = next((one for one in (wish.seed, prompt.seed) if one is not None), random.randrange(2**32))
    wanted = {"seed": seed, "temperature": wish.temperature, "tempo": wish.tempo, "key": wish.key}
    options = {name: value for name, value in wanted.items() if value is not None}
    if steps:
        options["end"] = steps
    if prompt.melody:
        others = [-1] * (len(source.voices) - 1)
        options["prompt"] = [[note, *others] for note in prompt.melody]
    return options


def perform(
    source: PieceSource, length: Length | None, seconds: float | None, kept: bool = True
) -> Performance:
    """A performance of the opened `source`."""
    piece = Piece(
        [voice.name for voice in source.voices],
        [voice.width for voice in source.voices],
        source.steps_per_beat,
        source.tempo,
    )
    sound = Sound(sum(piece.widths), source.steps_per_beat)
    return Performance(source, piece, sound, source.tempo, length, seconds, kept)


def accompanied(wish: Compose) -> bool:
    """Whether the whole melody is given by a file."""
    return wish.accompany is not None and not live_melody(wish.accompany)


def live_melody(accompany: str) -> bool:
    """Whether the melody is played, and is no file."""
    return accompany == "keys" or accompany.startswith("port:")


def title_of(wish: Compose, source: PieceSource) -> str:
    """What a picture of the piece is called."""
    return f"{wish.composer}, seed {source.options['seed']}"


def write_scores(piece: Piece, output: Path | None, roll: Path | None, title: str) -> None:
    """The files of a piece that is done."""
    if output and output.suffix.lower() in SCORES:
        with whole(output) as partial:
            SCORES[output.suffix.lower()](piece, partial)
    if roll:
        with whole(roll) as partial:
            write_roll(piece, partial, title)


class _SoundOutput:
    """The sound file of a command, if it asked for one."""

    def __init__(self, files: ExitStack, path: Path | None):
        self.file = None
        if path and path.suffix.lower() in SOUND:
            self.file = SoundFile(files.enter_context(whole(path)), RATE_HZ)
            files.callback(self.file.close)

    def write(self, samples: np.ndarray) -> None:
        if self.file:
            self.file.write(samples)

    def close(self) -> None:
        if self.file:
            self.file.close()


def _check_outputs(wish: Compose) -> None:
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


def _soundfont(wish: Compose) -> SoundFont | None:
    if wish.soundfont is None:
        return None
    if wish.play:
        raise WrongCall("--soundfont sounds a piece that is finished; leave --play out and name an --output")
    if wish.output is None or wish.output.suffix.lower() not in SOUND:
        raise WrongCall(f"--soundfont makes sound; add --output FILE with {', '.join(SOUND)}")
    return SoundFont(wish.soundfont)


def tempo_of(source: PieceSource, wish: Compose) -> float:
    tempo = wish.tempo if wish.tempo is not None else source.default_tempo
    if not 20 <= tempo <= 400:
        raise WrongCall(f"a tempo of {tempo:g} beats a minute; give 20 to 400")
    return tempo


def _tell(piece: Piece, wish: Compose, source: PieceSource) -> None:
    """The seed, so that the piece can be had again; and the notes, where nothing else was asked for."""
    print(f"streamer: seed {source.options['seed']}", file=sys.stderr)
    if wish.output is None and wish.roll is None:
        for line in pages(piece.steps):
            print(line)


def pages(steps: Sequence[Sequence[int]], columns: int = 72) -> list[str]:
    """The whole piece as a piano roll, `columns` steps a page."""
    lines: list[str] = []
    for start in range(0, len(steps), columns):
        lines += [*drawn(steps[start : start + columns], columns), ""]
    return lines
