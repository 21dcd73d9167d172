"""Composing in this process, step by step, without a server."""

from typing import Any

import numpy as np
import torch

from streamer.models.bundle.build import Model
from streamer.models.feeders.composer import ComposerFeeder
from streamer.models.kernels.candidates import candidates
from streamer.models.layers.stage import State
from streamer.models.music.notation import sounding, voices_of
from streamer.models.networks.composer_network import COLUMNS, Composer


class LoadedComposer:
    """A network that composes, with what feeds it; it holds no piece, and serves any number."""

    def __init__(self, model: Model):
        """ValueError, one line, for a model that isn't a composer."""
        self.name, self.voices = model.name, voices_of(model.card)
        if not isinstance(model.network, Composer) or model.card.feeder is None:
            raise ValueError(f"{model.name} is no composer")
        self.network = model.network
        self.feeder = ComposerFeeder(self.voices, model.card.feeder.options)
        # By hand, for steps of a few rows: torch's own LSTM packs its weights again at every call.
        self.step = candidates(model.network)[-1].step


class Pieces:
    """Pieces that one network composes side by side, each with options of its own.

    Law: a piece is a function of its options alone, whatever is beside it and however it was cut.
    """

    def __init__(self, composer: LoadedComposer, options: list[dict[str, Any]]):
        """OptionError "options.NAME" for options that don't fit."""
        self.composer, self.position = composer, 0
        self.options = [composer.feeder.parse(values) for values in options]
        self.state: State = composer.network.initial_state(len(options))

    def control(self, row: int, values: dict[str, Any]) -> None:
        """Change options of a piece from the next step on. ValueError as above; then nothing changes."""
        self.options[row] = self.composer.feeder.parse(values, self.options[row])

    @torch.inference_mode()
    def symbols(self, count: int) -> np.ndarray:
        """The next `count` steps of all pieces, int64 [B, count, V]."""
        feeder = self.composer.feeder
        x = np.stack([feeder.steps(values, self.position, count) for values in self.options])
        y, self.state = self.composer.step(torch.from_numpy(x), self.state)
        self.position += count
        return y[..., ::COLUMNS].long().numpy()

    def notes(self, count: int) -> list[list[tuple[int, ...]]]:
        """The same as the MIDI notes that sound in each step, 0 where a place is silent."""
        moves = [self.composer.feeder.transposition(values) for values in self.options]
        return [
            [
                tuple(note + move if note else 0 for note in sounding(self.composer.voices, step))
                for step in piece
            ]
            for piece, move in zip(self.symbols(count).tolist(), moves)
        ]
