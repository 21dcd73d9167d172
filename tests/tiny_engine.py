"""An engine with a small random network, and a client of it without a socket."""

from dataclasses import dataclass, field

import numpy as np
import torch

from streamer import wire
from streamer.models.bundle.build import Model, build_network
from streamer.models.card import Card, Part, ReaderPart
from streamer.models.readers.argmax import ArgmaxReader, GreedyCtcReader
from streamer.runtime.devices import Devices
from streamer.server.contract import Outgoing
from streamer.server.engine import Engine
from streamer.server.served_model import ServedModel, served
from streamer.server.streams import Settings

RATE_HZ = 16000
FORMAT = {"encoding": "f32", "rate": RATE_HZ, "channels": 1}
LABELS = {"letters": ["", "a", "b", "c", "d", "e", " "], "noise": ["x", "y"]}


def tiny_model(seed: int = 0) -> Model:
    """Random weights, large enough that the labels change often."""
    torch.manual_seed(seed)
    front = {"sample_rate_hz": RATE_HZ, "n_mels": 20, "n_fft": 400, "hop_length": 160}
    options = dict(n_mels=20, stack=3, hidden_size=16, depth=2, delay=3, outputs=9)
    network = build_network("acoustic_lstm", options).eval().requires_grad_(False)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(3)
    card = Card(
        "tiny",
        "captions",
        "",
        "",
        "",
        Part("log_mel", front),
        Part("acoustic_lstm", options),
        ReaderPart("greedy_ctc"),
        LABELS,
    )
    return Model("tiny", card, None, network)


def tiny_served(max_streams: int = 8, kind: type = GreedyCtcReader, name: str = "tiny") -> ServedModel:
    reader = kind(LABELS, {"row_ms": 30.0, "endpoint_silence_ms": 90}, max_streams)
    return served(tiny_model(), name, reader, Devices("cpu", 64, print), max_streams)


def tiny_engine(max_streams: int = 8, **settings) -> Engine:
    models = {"tiny": tiny_served(max_streams), "labels": tiny_served(max_streams, ArgmaxReader, "labels")}
    return Engine(models, Settings(**settings))


def noise(samples: int, seed: int = 0) -> np.ndarray:
    """Noise whose loudness changes: float32 [samples]."""
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0.0, 0.5, samples // 400 + 1), 400)[:samples]
    return (random.normal(0, 1, samples) * loudness).clip(-1, 1).astype(np.float32)


@dataclass
class Client:
    """One stream. What the engine says to other streams while this one works goes to `others`."""

    engine: Engine
    peer: bytes = b"peer"
    request: str = "request"
    now: float = 0.0
    seq: int = 0
    position: int = 0
    answers: list[wire.Output] = field(default_factory=list)
    others: list[Outgoing] = field(default_factory=list)
    opened: wire.Opened | None = None

    def open(self, model: str = "tiny", **options) -> "Client":
        message = wire.Open(self.request, model, options={"format": FORMAT} | options)
        (answer,) = self.engine.receive(self.peer, message, b"", self.now)
        assert isinstance(answer.message, wire.Opened), answer.message
        self.opened = answer.message
        return self

    def ids(self) -> dict[str, bytes]:
        return {"stream": self.opened.stream, "owner": self.opened.owner}

    def give(self, message: wire.StreamInput, payload: bytes = b"") -> list[wire.Output]:
        """What was answered at once."""
        answers = [out.message for out in self.engine.receive(self.peer, message, payload, self.now)]
        self.answers += answers
        return answers

    def audio(self, samples: np.ndarray) -> list[wire.Output]:
        self.seq += 1
        start, self.position = self.position, self.position + len(samples)
        return self.give(wire.Audio(**self.ids(), seq=self.seq, start=start), samples.tobytes())

    def skip(self, count: int) -> list[wire.Output]:
        self.seq += 1
        start, self.position = self.position, self.position + count
        return self.give(wire.Skip(**self.ids(), seq=self.seq, start=start, count=count))

    def flush(self) -> list[wire.Output]:
        self.seq += 1
        return self.give(wire.Flush(**self.ids(), seq=self.seq))

    def close(self) -> list[wire.Output]:
        self.seq += 1
        return self.give(wire.Close(**self.ids(), seq=self.seq))

    def tick(self) -> None:
        """One tick."""
        for out in self.engine.tick(self.now):
            if out.message.stream == self.opened.stream:
                self.answers.append(out.message)
            else:
                self.others.append(out)

    def settle(self) -> None:
        """Tick until nothing is due."""
        self.tick()
        while self.engine.busy:
            self.tick()

    @property
    def results(self) -> list[wire.Result]:
        return [message for message in self.answers if isinstance(message, wire.Result)]

    @property
    def plain_results(self) -> list[tuple]:
        """Results without the stream's name, to be compared with another stream's."""
        return [plain(result) for result in self.results]

    @property
    def closed(self) -> wire.Closed | None:
        last = self.answers[-1] if self.answers else None
        return last if isinstance(last, wire.Closed) else None


def plain(result: wire.Result) -> tuple:
    """All that a result says but whose it is; confidences as far as rounding lets them agree."""
    readings = tuple(
        (reading.text, tuple((w.text, w.start, w.end) for w in reading.words))
        for reading in result.alternatives
    )
    return (
        result.seq,
        result.utterance,
        result.kind,
        result.through,
        result.accepted,
        result.confirmed,
        readings,
    )


def without_causes(client: Client) -> list[tuple]:
    """What a stream says, but which input each result needed: inputs may be cut in another way."""
    return [result[:4] + result[5:] for result in client.plain_results]


def alone(samples: np.ndarray, chunk: int = 1600, model: str = "tiny", **options) -> Client:
    """A stream that has an engine to itself, closed."""
    client = Client(tiny_engine()).open(model, **options)
    for at in range(0, len(samples), chunk):
        client.audio(samples[at : at + chunk])
        client.settle()
    client.close()
    client.settle()
    return client
