"""An engine that serves a small composer, and a client that gives it credit."""

from pathlib import Path

from streamer import wire
from streamer.models.bundle.build import load
from streamer.models.readers.build import reader
from streamer.runtime.devices import Devices
from streamer.server.engine import Engine
from streamer.server.served_model import served
from streamer.server.streams import Settings
from tests.tiny_composer import write_composer
from tests.tiny_engine import Client


def generator_engine(folder: Path, max_streams: int = 8, **settings) -> Engine:
    """An engine with the model "tiny", written to `folder` where it isn't yet."""
    model = load(folder if (folder / "card.toml").exists() else write_composer(folder))
    rows = reader(model.card, folder, max_streams)
    tiny = served(model, "tiny", rows, Devices("cpu", 64, print), max_streams)
    return Engine({"tiny": tiny}, Settings(**settings))


class Listener(Client):
    """One stream of notes."""

    def open(self, **options) -> "Listener":
        message = wire.Open(self.request, "tiny", options=options)
        (answer,) = self.engine.receive(self.peer, message, b"", self.now)
        assert isinstance(answer.message, wire.Opened), answer.message
        self.opened = answer.message
        return self

    def credit(self, count: int) -> list[wire.Output]:
        self.seq += 1
        self.position += count
        return self.give(wire.Credit(**self.ids(), seq=self.seq, count=count))

    def control(self, **values) -> list[wire.Output]:
        self.seq += 1
        return self.give(wire.Control(**self.ids(), seq=self.seq, values=values))
