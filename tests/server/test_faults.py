"""A model that fails ends the streams that it failed for, with `fault`, and harms nobody else."""

import numpy as np
import pytest

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.notices import Refusal
from streamer.clients.subscriber import Subscriber
from streamer.models.readers.argmax import GreedyCtcReader
from streamer.models.text.words import WordsEncoder
from streamer.runtime.cpu import CpuRunner
from streamer.runtime.lane import Lane
from streamer.server.engine import Engine
from streamer.server.inputs.audio import AudioInput, AudioIntake
from streamer.server.pipelines import Pipelines
from streamer.server.streams import Settings
from tests.serving import serving
from tests.tiny_engine import FORMAT, Client, alone, noise, tiny_model, tiny_served, without_causes
from tests.tiny_text import TextClient, text_engine

ROWS = 8
DEADLY = 3.0  # a feature that the noise of these tests never reaches
BROKEN = "the network broke"


def deadly(samples: int) -> np.ndarray:
    """A tone so loud that the network fails on it: float32 [samples]."""
    return (8 * np.sin(np.arange(samples) * 2 * np.pi / 16)).astype(np.float32)


def brittle_runner() -> CpuRunner:
    """The tiny network, which raises on features above `DEADLY`."""
    stage = tiny_model().network

    def step(x, state):
        if x.max() > DEADLY:
            raise ValueError(BROKEN)
        return stage.step(x, state)

    return CpuRunner(stage, ROWS, lambda width: step)


def engine_of(model, **settings) -> Engine:
    return Engine({model.name: model}, Settings(**settings))


def brittle_engine(**settings) -> Engine:
    model = tiny_served(ROWS)
    model.network = brittle_runner()
    return engine_of(model, **settings)


def tick(engine, clients) -> None:
    by_stream = {client.opened.stream: client for client in clients}
    while engine.busy:
        for out in engine.tick(0.0):
            by_stream[out.message.stream].answers.append(out.message)


def assert_ended_by_fault(client: Client) -> None:
    *_, refused, closed = client.answers
    assert isinstance(refused, wire.Refused) and (refused.code, refused.fatal) == ("fault", True)
    results, incarnation = len(client.results), client.opened.incarnation
    assert closed == wire.Closed(client.opened.stream, "fault", results, client.position, incarnation)


def assert_as_if_alone(client: Client, samples: np.ndarray) -> None:
    assert client.closed and client.closed.reason == "closed"
    assert without_causes(client) == without_causes(alone(samples))


def test_the_network_fails_on_the_tone_alone():
    for samples, reason in ((noise(16_000), "closed"), (deadly(16_000), "fault")):
        client = Client(brittle_engine()).open()
        client.audio(samples)
        client.close()
        client.settle()
        assert client.closed.reason == reason


def test_streams_in_other_batches_say_what_they_would_have_said(capsys):
    engine = brittle_engine(max_batch=1)
    clients = [Client(engine, request=str(number)).open() for number in range(5)]
    recordings = [noise(16_000, number) for number in range(5)]
    for at in range(0, 16_000, 1600):
        for number, client in enumerate(clients):
            if not client.closed:
                samples = deadly(1600) if number == 2 and at == 8000 else recordings[number][at : at + 1600]
                client.audio(samples)
        tick(engine, clients)
    assert_ended_by_fault(clients[2])
    for number in (0, 1, 3, 4):
        clients[number].close()
        tick(engine, clients)
        assert_as_if_alone(clients[number], recordings[number])
    assert not engine.sessions and len(engine.models["tiny"].free_rows) == ROWS
    log = capsys.readouterr().err
    assert log.count("Traceback") == 1 and BROKEN in log and "tiny failed" in log


def test_streams_of_the_batch_end_and_their_rows_serve_again():
    engine = brittle_engine()
    clients = [Client(engine, request=name).open() for name in "abc"]
    early, bad, beside = clients
    early.audio(noise(8000))
    tick(engine, clients)
    bad.audio(deadly(1600))
    beside.audio(noise(1600))
    tick(engine, clients)
    assert_ended_by_fault(bad)
    assert_ended_by_fault(beside)
    again = [Client(engine, request=name).open() for name in "de"]
    for client in (*again, early):
        client.audio(noise(8000)[client.position :])
        client.close()
        tick(engine, (*again, early))
        assert_as_if_alone(client, noise(8000))
    (refused,) = bad.audio(noise(100))
    assert (refused.code, refused.fatal) == ("unknown_stream", True)


class BrittleReader(GreedyCtcReader):
    """Raises in `where`, once it is armed."""

    where = ""

    def read(self, rows, outputs):
        return self._unless("read", super().read, rows, outputs)

    def flush(self, row, outputs):
        return self._unless("flush", super().flush, row, outputs)

    def finish(self, row):
        return self._unless("finish", super().finish, row)

    def open(self, row, options):
        return self._unless("open", super().open, row, options)

    def parse(self, options):
        return self._unless("parse", super().parse, options)

    def _unless(self, name, method, *arguments):
        if name == self.where:
            raise ValueError(BROKEN)
        return method(*arguments)


@pytest.mark.parametrize("where", ["read", "flush", "finish"])
def test_a_reader_that_fails_ends_its_streams(where, capsys):
    model = tiny_served(ROWS, BrittleReader)
    engine = engine_of(model)
    bad, good = (Client(engine, request=name).open() for name in "ab")
    model.reader.where = where
    bad.audio(noise(16_000))
    bad.flush()
    bad.close()
    bad.settle()
    assert_ended_by_fault(bad)
    model.reader.where = ""
    good.audio(noise(16_000))
    good.close()
    good.settle()
    assert_as_if_alone(good, noise(16_000))
    assert BROKEN in capsys.readouterr().err
    assert len(model.free_rows) == ROWS


@pytest.mark.parametrize("where", ["open", "parse"])
def test_a_reader_that_opens_no_stream_is_a_fault_of_the_server(where):
    model = tiny_served(ROWS, BrittleReader)
    engine = engine_of(model)
    model.reader.where = where
    (out,) = engine.receive(b"peer", wire.Open("r", "tiny", options={"format": FORMAT}), b"", 0.0)
    assert (out.message.code, out.message.request) == ("fault", "r")
    assert not engine.sessions and len(model.free_rows) == ROWS
    model.reader.where = ""
    client = Client(engine).open()
    client.audio(noise(8000))
    client.close()
    client.settle()
    assert_as_if_alone(client, noise(8000))


class BrittleIntake(AudioIntake):
    """Raises what only a mistake of ours can, on a frame of one sample."""

    def read(self, message, payload):
        if self.feeder.count(payload) == 1:
            raise ValueError(BROKEN)
        return super().read(message, payload)


class BrittleInput(AudioInput):
    def open(self, choice, network: Lane, times):
        intake = super().open(choice, network, times)
        return BrittleIntake(choice, intake.front, network, intake.limits)


def test_an_intake_that_fails_is_not_blamed_on_the_peer(capsys):
    model = tiny_served(ROWS)
    model.input = BrittleInput(model.input.front, 16_000)
    engine = engine_of(model)
    bad, good = (Client(engine, request=name).open() for name in "ab")
    good.audio(noise(8000))
    bad.position = -1  # the broken input is not taken
    bad.give(wire.Audio(**bad.ids(), seq=1, start=0), noise(1).tobytes())
    bad.position = 0
    assert_ended_by_fault(bad)
    (refused,) = good.give(wire.Audio(**good.ids(), seq=2, start=8000), b"abc")
    assert (refused.code, refused.fatal) == ("bad_payload", False)
    good.close()
    good.settle()
    assert_as_if_alone(good, noise(8000))
    assert BROKEN in capsys.readouterr().err


class BrittleEncoder(WordsEncoder):
    """Raises on the word `deadly`, or on every word where there is none."""

    deadly = "fox"

    def steps(self, word, first):
        if word == self.deadly or not self.deadly:
            raise ValueError(BROKEN)
        return super().steps(word, first)


def test_a_feeder_that_fails_on_a_word_ends_the_text(tmp_path):
    engine = text_engine(tmp_path)
    reading = engine.models["tags"].input.reading
    engine.models["tags"].input.reading = reading._replace(encoder=BrittleEncoder("the dog".split()))
    bad, good = (TextClient(engine, request=name).open() for name in "ab")
    good.text("the dog sleeps. ")
    bad.text("the fox sleeps. ")
    tick(engine, (bad, good))
    assert_ended_by_fault(bad)
    good.close()
    tick(engine, (bad, good))
    assert good.closed.reason == "closed" and good.results


def test_a_fed_stream_that_fails_leaves_its_source_alone(tmp_path):
    models = {"tiny": tiny_served(ROWS)} | dict(text_engine(tmp_path).models)
    reading = models["tags"].input.reading
    encoder = BrittleEncoder([])
    encoder.deadly = ""
    models["tags"].input.reading = reading._replace(encoder=encoder)
    engine = Pipelines(Engine(models, Settings()), {"tiny": ["tags", "judged"]})
    answers = engine.receive(b"p", wire.Open("r", "tiny", options={"format": FORMAT}), b"", 0.0)
    opened, failing, other = (out.message for out in answers)
    client = Client(engine, opened=opened)
    messages: list[wire.Output] = []
    for second in range(3):
        client.audio(noise(16_000, second))
        client.flush()
        while engine.due <= 0.0:
            messages += [out.message for out in engine.tick(0.0)]
    client.close()
    while engine.due <= 0.0:
        messages += [out.message for out in engine.tick(0.0)]
    reasons = {message.stream: message.reason for message in messages if isinstance(message, wire.Closed)}
    assert reasons == {opened.stream: "closed", failing.stream: "fault", other.stream: "closed"}
    assert [m.stream for m in messages if isinstance(m, wire.Refused)] == [failing.stream]
    assert any(isinstance(m, wire.Result) and m.stream == other.stream for m in messages)
    assert not engine.engine.sessions


def test_a_mistake_of_the_engine_itself_is_not_swallowed(monkeypatch):
    engine = brittle_engine()
    client = Client(engine).open()
    client.audio(noise(1600))
    monkeypatch.setattr("streamer.server.turn.schedule", lambda ready, max_rows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engine.tick(0.0)


def test_the_owner_and_the_watchers_hear_of_the_fault():
    engine = brittle_engine(max_batch=1)
    with (
        serving(engine) as server,
        Subscriber(server.publish, "tiny/") as watcher,
        connect(server.address) as connection,
    ):
        watcher.wait_connected()
        bad, good = (connection.open("tiny", format=FORMAT) for _ in range(2))
        bad.send(deadly(1600).tobytes())
        good.send(noise(8000).tobytes())
        good.close()
        assert list(good)  # takes in what is for the other stream of the connection, too
        with pytest.raises(Refusal) as caught:
            list(bad)
        assert caught.value.code == "fault"
        reasons: dict[bytes, str] = {}
        while len(reasons) < 2:
            messages = [notice.message for notice in watcher.poll(5.0)]
            assert messages
            reasons |= {m.stream: m.reason for m in messages if isinstance(m, wire.Closed)}
        assert reasons == {bad.opened.stream: "fault", good.opened.stream: "closed"}
