"""A composer of the config, in this process: what a performance pulls its notes from."""

from typing import Any

import torch

from models import catalog
from models.build import load
from streamer.config import Config
from streamer.music.composing import Composer, Pieces


class LocalSource:
    """One piece of the model `name`, once it is opened."""

    def __init__(self, config: Config, name: str):
        """ValueError, one line, for a model that is unknown or no composer."""
        torch.set_num_threads(config.engine.threads)
        folder = catalog.find(name, config.folders())
        self.composer = Composer(load(folder, config.model(name).allow_imports))
        self.pieces = Pieces(self.composer, [])
        self.voices = self.composer.voices
        defaults = self.composer.feeder.defaults
        self.steps_per_beat, self.default_tempo = defaults.steps_per_beat, defaults.tempo

    def open(self, options: dict[str, Any]) -> None:
        """Begin a piece. ValueError "options.NAME: ..." for options that don't fit."""
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
