"""Pipelines: finals feed models of text, which speak, end and are replayed with their source."""

import pytest

from streamer import wire
from streamer.clients.connection import connect
from streamer.models.bundle.build import load
from streamer.models.readers.argmax import GreedyCtcReader
from streamer.models.readers.build import reader
from streamer.runtime.devices import Devices
from streamer.server.engine import Engine
from streamer.server.pipelines import NOBODY, Pipelines
from streamer.server.recording import Recorder
from streamer.server.replay import Replay, recorded_results
from streamer.server.served_model import served
from streamer.server.streams import Settings
from tests.serving import serving
from tests.tiny_engine import FORMAT, Client, noise, tiny_served
from tests.tiny_text import MAKERS, TextClient

FEEDS = {"tiny": ["tags", "kept"], "kept": ["judged"]}
SAMPLES = noise(64_000, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, make in MAKERS.items():
        make(folder / name)
    return folder


def pipelines(folder, feeds=FEEDS, rows=4, **settings) -> Pipelines:
    devices = Devices("cpu", 64, print)
    models = {"tiny": tiny_served(rows, GreedyCtcReader)}
    for name in MAKERS:
        model = load(folder / name)
        models[name] = served(model, name, reader(model.card, folder / name, rows), devices, rows)
    return Pipelines(Engine(models, Settings(**settings)), feeds)


class Listener(Client):
    """A stream, and all that those have to say that it feeds."""

    def open(self, model: str = "tiny", **options) -> "Listener":
        message = wire.Open(self.request, model, options={"format": FORMAT} | options)
        answers = [out.message for out in self.engine.receive(self.peer, message, b"", self.now)]
        self.opened, self.fed = answers[0], answers[1:]
        return self

    def tick(self) -> None:
        for out in self.engine.tick(self.now):
            (self.answers if out.message.stream == self.opened.stream else self.others).append(out.message)

    def settle(self) -> None:
        self.tick()
        while self.engine.due <= self.now:
            self.tick()

    def of(self, model: str) -> list[wire.Output]:
        (stream,) = {opened.stream for opened in self.fed if opened.model == model}
        return [message for message in self.others if message.stream == stream]


def listen(engine, chunk=3200, **options) -> Listener:
    """All of `SAMPLES` in chunks, an utterance ended after each second."""
    client = Listener(engine).open(**options)
    for second in range(0, len(SAMPLES), 16_000):
        for at in range(second, second + 16_000, chunk):
            client.audio(SAMPLES[at : min(at + chunk, second + 16_000)])
            client.settle()
        client.flush()
        client.settle()
    client.close()
    client.settle()
    return client


def finals(results) -> list[str]:
    return [r.alternatives[0].text for r in results if isinstance(r, wire.Result) and r.kind == "final"]


def test_what_is_fed_says_what_it_says_of_the_same_text(folder):
    engine = pipelines(folder)
    client = listen(engine)
    assert [(opened.model, opened.owner) for opened in client.fed] == [
        (n, NOBODY) for n in ("tags", "kept", "judged")
    ]
    assert [opened.source for opened in client.fed] == [client.opened.stream] * 2 + [client.fed[1].stream]
    texts = [text for text in finals(client.answers) if text.strip()]
    assert len(texts) > 2
    for model in ("tags", "kept"):
        alone = TextClient(engine.engine, request=f"alone {model}").open(model, partials=False)
        for text in texts:
            alone.text(f"{text} ")
            alone.flush()
        alone.close()
        while engine.due <= 0:
            for out in engine.tick(0.0):
                if out.message.stream == alone.opened.stream:
                    alone.answers.append(out.message)
        messages = client.of(model)
        plain = [(r.seq, r.utterance, r.through, r.accepted, finals([r])) for r in messages[:-1]]
        assert plain == [(r.seq, r.utterance, r.through, r.accepted, finals([r])) for r in alone.results]
        assert isinstance(messages[-1], wire.Closed) and messages[-1].reason == "closed"
    kept = [text for text in finals(client.of("kept")) if text.strip()]
    assert len(finals(client.of("judged"))) >= len(kept) > 0
    assert not engine.engine.sessions


def test_chunks_of_the_sound_change_nothing(folder):
    short, long = (listen(pipelines(folder), chunk) for chunk in (700, 16_000))
    for model in ("tags", "kept", "judged"):
        assert finals(short.of(model)) == finals(long.of(model))


def test_a_fed_stream_outlives_silence_and_a_drain(folder):
    engine = pipelines(folder, lease_ms=1000)
    client = Listener(engine).open()
    client.audio(SAMPLES)
    client.settle()
    for second in range(1, 5):
        client.now = 0.9 * second
        client.audio(noise(160, second))
        client.settle()
    assert len(engine.engine.sessions) == 4
    client.others += [out.message for out in engine.drain(client.now)]
    client.settle()
    assert not engine.engine.sessions
    everything = client.answers + client.others
    closed = [(m.reason, m.stream == client.opened.stream) for m in everything if isinstance(m, wire.Closed)]
    assert sorted(closed) == [("closed", False)] * 3 + [("draining", True)]


def test_nobody_else_may_send_to_a_fed_stream(folder):
    engine = pipelines(folder)
    client = Listener(engine).open()
    for owner in (NOBODY, client.opened.owner):
        message = wire.Text(client.fed[0].stream, owner, 1, 0)
        (out,) = engine.receive(b"peer", message, b"hello", 0.0)
        assert out.message.code == "not_owner"
    repeated = wire.Open(f"{client.request}/tags", "tags")
    (out, *_) = engine.receive(b"peer", repeated, b"", 0.0)
    assert out.message.stream != client.fed[0].stream


def test_an_open_that_is_repeated_tells_the_fed_streams_again(folder):
    engine = pipelines(folder)
    client = Listener(engine).open()
    again = Listener(engine, peer=b"another", request=client.request).open()
    assert again.opened != client.opened  # another peer's short request is another stream's
    once_more = Listener(engine, request=client.request).open()
    assert (once_more.opened, once_more.fed) == (client.opened, client.fed)


def test_a_model_that_is_full_is_told_and_the_rest_goes_on(folder):
    engine = pipelines(folder, {"tiny": ["tags"]}, rows=1)
    holder = TextClient(engine.engine, request="holder").open("tags")
    client = listen(engine)
    assert [(refused.code, refused.request) for refused in client.fed] == [("full", "request/tags")]
    assert client.closed and finals(client.answers) and holder.opened


def test_a_fed_stream_without_room_waits(folder, monkeypatch):
    engine = pipelines(folder, {"tiny": ["tags"]})
    monkeypatch.setattr("streamer.server.inputs.text.WINDOW_BYTES", 60)
    client = Listener(engine).open()
    for at in range(0, len(SAMPLES), 4000):
        client.audio(SAMPLES[at : at + 4000])
        client.flush()
    client.close()
    client.settle()
    assert isinstance(client.of("tags")[-1], wire.Closed)
    texts = [text for text in finals(client.answers) if text.strip()]
    assert client.of("tags")[-1].through == sum(len(text) + 1 for text in texts)


@pytest.mark.parametrize(
    "feeds, complaint",
    [
        ({"tiny": ["nothing"]}, "nothing is not served"),
        ({"nothing": ["tags"]}, "nothing is not served"),
        ({"tags": ["tiny"]}, "tiny reads no text"),
        ({"tags": ["kept"], "kept": ["tags"]}, "break the circle"),
        ({"tags": ["tags"]}, "break the circle"),
    ],
)
def test_pipelines_that_lead_nowhere_are_told(folder, feeds, complaint):
    with pytest.raises(ValueError, match=complaint):
        pipelines(folder, feeds)


def test_the_client_hears_what_its_stream_feeds_and_a_recording_replays_it(folder, tmp_path):
    samples = (SAMPLES * 32767).astype("<i2").tobytes()
    with (
        Recorder(tmp_path / "wire") as recorder,
        serving(pipelines(folder), recorder=recorder) as server,
        connect(server.address) as connection,
    ):
        stream = connection.open("tiny", format={"encoding": "s16", "rate": 16000, "channels": 1})
        stream.send(samples[: len(samples) // 2])
        stream.flush()
        stream.send(samples[len(samples) // 2 :])
        stream.close()
        own = [r.alternatives[0].text for r in stream if r.kind == "final" and r.alternatives[0].text.strip()]
        derived = []
        while more := stream.derived(2.0):
            derived += more
    of_finals = [reading for reading in derived if reading.result.kind == "final"]
    assert {reading.model for reading in of_finals} == {"tags", "kept", "judged"}
    of_tags = [reading for reading in of_finals if reading.model == "tags"]
    assert {reading.final for reading in of_tags} == set(range(1, len(own) + 1))
    player = Replay(tmp_path / "wire", pipelines(folder))
    replayed: dict[bytes, list] = {}
    for message in player.messages():
        if isinstance(message, wire.Result):
            replayed.setdefault(message.stream, []).append(message)
    recorded = recorded_results(tmp_path / "wire")
    assert len(recorded) == 4
    assert {s: finals(r) for s, r in replayed.items()} == {s: finals(r) for s, r in recorded.items()}
