"""What a performance pulls its notes from: here, a composer of the config in this process."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch

from streamer.config import Config
from streamer.models.music.notation import Voice
from streamer.music.composing import LoadedComposer, Pieces
from streamer.music.performance import NoteSource
from streamer.server.loading import load_model


class PieceSource(NoteSource, Protocol):
    """Where one piece comes from, and what is known of it before it begins."""

    steps_per_beat: int
    default_tempo: float  # beats a minute

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices, the highest first."""

    def open(self, options: dict[str, Any]) -> None:
        """Begin a piece. OptionError "options.NAME" for options that don't fit."""

    @property
    def options(self) -> dict[str, Any]:
        """The options in force."""

    @property
    def tempo(self) -> float:
        """Beats a minute."""


class LocalSource:
    """One piece of the model `name`, once it is opened."""

    def __init__(self, config: Config, name: str):
        """ValueError, one line, for a model that is unknown or isn't a composer."""
        torch.set_num_threads(config.engine.threads)
        self.composer = LoadedComposer(load_model(config, name))
        self.pieces = Pieces(self.composer, [])
        self.voices = self.composer.voices
        defaults = self.composer.feeder.defaults
        self.steps_per_beat, self.default_tempo = defaults.steps_per_beat, defaults.tempo

    def open(self, options: dict[str, Any]) -> None:
        """Begin a piece. OptionError "options.NAME" for options that don't fit."""
        self.pieces = Pieces(self.composer, [options])

    @property
    def options(self) -> dict[str, Any]:
        """The options in force."""
        return self.pieces.options[0]

    @property
    def tempo(self) -> float:
        """Beats a minute."""
        return self.options["tempo"]

    def notes(self, count: int) -> list[tuple[int, ...]]:
        """The MIDI notes of the next `count` steps."""
        return self.pieces.notes(count)[0]

    def control(self, values: dict[str, Any]) -> None:
        """Change options from the next step on. ValueError as `open`; then nothing changes."""
        self.pieces.control(0, values)
