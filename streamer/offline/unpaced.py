"""The live mode for files: whole recordings through the engine that serves, as fast as it goes."""

from collections.abc import Iterable, Iterator

import numpy as np

from streamer.config import Config
from streamer.offline.live_driver import Heard, listen
from streamer.offline.recordings import Recording
from streamer.offline.speech import Progress, Sound
from streamer.offline.transcript import Transcript, segment, transcript
from streamer.offline.writing import Writing
from streamer.server.serve import unpaced_engine

CHUNK_MS, STREAMS = 1000, 32  # wider steps are cheaper; what they give is the same
EMPTY = np.zeros(0, np.float32)


class Unpaced:
    """A live network in an engine of its own: what it writes is what serving it gives."""

    def __init__(self, config: Config, name: str, writing: Writing):
        """ValueError for a model that is unknown, can't be served, hears no sound, or can't write numbers."""
        self.name, self.engine = name, unpaced_engine(config, [name])
        if self.engine.models[name].description().input != "audio":
            raise ValueError(f"{name} hears no sound; name a model whose input is audio")
        self.options = writing.options(self.engine.models[name].reader.option_names)
        self.streams = min(STREAMS, config.model(name).max_streams)

    def transcripts(
        self, sounds: Iterable[Sound], progress: Progress = lambda seconds: None
    ) -> Iterator[Transcript]:
        """The transcript of each of `sounds`, whose rates are the wire's, in order."""
        recordings = (
            Recording(str(number), "", np.concatenate([EMPTY, *sound.blocks]), sound.rate_hz)
            for number, sound in enumerate(sounds)
        )
        ended: dict[str, Transcript] = {}  # those that a longer one in front of them holds up
        told = 0
        streams = listen(self.engine, self.name, recordings, CHUNK_MS, self.streams, options=self.options)
        for heard in streams:
            ended[heard.key] = _transcript(heard)
            progress(heard.seconds)
            while str(told) in ended:
                yield ended.pop(str(told))
                told += 1


def _transcript(heard: Heard) -> Transcript:
    finals = (final.alternatives[0] for final in heard.finals)
    said = (segment(best, 1 / heard.rate_hz, 0.0, heard.seconds) for best in finals)
    return transcript(heard.seconds, said)
