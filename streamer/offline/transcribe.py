"""Recordings to transcripts, in either mode: what the command and `streamer.transcribe` share."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import torch

from streamer.config import Config, with_model
from streamer.errors import WrongCall
from streamer.offline.caption_options import CaptionOptions
from streamer.offline.speech import Offline, Progress, SoundBlocks
from streamer.offline.transcript import Transcript
from streamer.server.loading import load_model

MODELS = {"offline": "captions-en-offline", "live": "captions-en"}


class Transcriber(Protocol):
    """A network of either mode for complete recordings."""

    def transcripts(self, sounds: Iterable[SoundBlocks], progress: Progress = ...) -> Iterator[Transcript]:
        """The transcript of each of `sounds`, in order; `progress` is called with the seconds done."""
        ...


def transcriber(config: Config, mode: str, model: str | None, options: CaptionOptions) -> Transcriber:
    """The `model`, by name or folder, in `mode`; without one, the captions that ship.

    WrongCall for another mode; ValueError for a model that is unknown, hears no sound, or can't do what
    `options` ask for.
    """
    if mode not in MODELS:
        raise WrongCall(f"mode {mode!r}; there are {', '.join(MODELS)}")
    config, name = with_model(config, model or MODELS[mode])
    if mode == "live":
        from streamer.offline.unpaced import Unpaced  # late: an engine is for this mode alone

        return Unpaced(config, name, options)
    torch.set_num_threads(config.engine.threads)
    return Offline(load_model(config, name), options)
