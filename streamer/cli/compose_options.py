"""What a piece is made of and where it goes: the options of `streamer compose`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamer.cli.command import flag, option
from streamer.cli.options import Configured, address, existing
from streamer.music.midi_output import write_midi
from streamer.music.musicxml import write_musicxml
from streamer.music.piece import Piece
from streamer.music.writing import SOUND

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
    tempo: float | None = option(
        None, "BPM", "Beats a minute, 20 to 400.", usual="a MIDI file's own, else the model's"
    )
    key: str | None = option(None, "KEY", "A key such as G, Bb or F#m.")
    play: bool = flag("Play it while it is composed.")
    output: Path | None = option(None, "FILE", "Write .wav, .flac, .ogg, .mid or .musicxml.")
    roll: Path | None = option(None, "FILE", "Draw the notes as .png, .svg or .pdf.")
    soundfont: Path | None = option(
        None, "FILE", "Sound --output with this .sf2, by fluidsynth if it is installed.", check=existing
    )
    model: str | None = option(None, "MODEL", "Another composer's name, or its folder.", usual="the style's")
    connect: str | None = address("Let a running server compose instead of this process.")

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
