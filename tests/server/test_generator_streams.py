"""Streams of a generator: how credit is cut and who is beside them changes no note."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer import wire
from streamer.clients import aio as asynchronous
from streamer.clients.connection import connect
from streamer.clients.notices import Applied, Rejected
from streamer.clients.subscriber import Subscriber
from streamer.models.bundle.build import load
from streamer.models.music.notation import note_name
from streamer.music.composing import LoadedComposer, Pieces
from streamer.server.engine import Engine
from streamer.server.inputs.generator import ACK_STEPS, WINDOW_STEPS
from streamer.server.recording import Recorder
from streamer.server.replay import Replay, recorded_results
from streamer.server.streams import Settings
from tests.echo_engine import EchoEngine
from tests.serving import serving
from tests.tiny_engine import Client, noise, tiny_served
from tests.tiny_engine import alone as speech_alone
from tests.tiny_generator import Listener, generator_engine

STEPS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("generator") / "tiny"


@pytest.fixture(scope="module")
def engine(folder):
    return generator_engine(folder, 40)


def begun(engine, **options) -> Listener:
    return Listener(engine, request=f"{random.random()}").open(**options)


def ended(client: Listener) -> Listener:
    client.close()
    client.settle()
    return client


def notes(results) -> list[tuple]:
    """All that results say but how sure and which credit: they depend on rounding and on the cuts."""
    return [
        (
            r.seq,
            r.utterance,
            r.kind,
            r.through,
            r.confirmed,
            [(w.text, w.start, w.end, w.label) for w in r.alternatives[0].words],
        )
        for r in results
    ]


def alone(engine, count: int = STEPS, **options) -> list[tuple]:
    client = begun(engine, **options)
    client.credit(count)
    return notes(ended(client).results)


@given(
    cuts=st.lists(st.integers(0, 40), max_size=20), ticks=st.lists(st.booleans(), min_size=20, max_size=20)
)
@settings(max_examples=10, deadline=None)
def test_credit_may_be_cut_anywhere(engine, cuts, ticks):
    client = begun(engine, seed=5, end=50)
    for cut, tick in zip(cuts, ticks):
        client.credit(min(cut, STEPS - client.position))
        if tick:
            client.settle()
    client.credit(STEPS - client.position)
    assert notes(ended(client).results) == alone(engine, seed=5, end=50)
    assert client.closed.through == STEPS


def test_thirty_two_streams_are_each_as_if_alone(folder):
    engine, dice = generator_engine(folder, 32), random.Random(1)
    clients = [Listener(engine, request=str(n)).open(seed=n, temperature=n % 3 / 2) for n in range(32)]
    by_stream = {client.opened.stream: client for client in clients}
    while any(client.position < STEPS for client in clients):
        for client in clients:
            client.credit(min(dice.randrange(20), STEPS - client.position))
        for out in engine.tick(0.0):
            by_stream[out.message.stream].answers.append(out.message)
    for client in clients:
        client.close()
    while engine.busy:
        for out in engine.tick(0.0):
            by_stream[out.message.stream].answers.append(out.message)
    for number, client in enumerate(clients):
        assert client.closed
        assert notes(client.results) == alone(engine, seed=number, temperature=number % 3 / 2)


def test_recognition_and_composition_share_an_engine(engine, folder):
    both = Engine({"tiny": engine.models["tiny"], "captions": tiny_served(2, name="captions")}, Settings())
    speaker, player = Client(both, request="speech").open("captions"), begun(both, seed=5)
    samples = noise(16_000)
    for at in range(0, len(samples), 1600):
        speaker.audio(samples[at : at + 1600])
        player.credit(6)
        for out in both.tick(0.0):
            (speaker if out.message.stream == speaker.opened.stream else player).answers.append(out.message)
    ended(player)
    speaker.answers += [out.message for out in player.others]
    ended(speaker)
    assert notes(player.results) == alone(engine, seed=5)
    assert speaker.plain_results == speech_alone(samples).plain_results


def test_a_stream_plays_what_composing_in_this_process_plays(engine, folder):
    client = begun(engine, seed=7, prompt=[[60], [62, 50]], bounds={"bass": [41, 45]})
    client.credit(STEPS)
    ended(client)
    pieces = Pieces(
        LoadedComposer(load(folder)), [{"seed": 7, "prompt": [[60], [62, 50]], "bounds": {"bass": [41, 45]}}]
    )
    words = [[w.text for w in r.alternatives[0].words] for r in client.results if r.kind == "partial"]
    assert words == [[note_name(note) for note in step if note] for step in pieces.notes(STEPS)[0]]
    assert [r.through for r in client.results if r.kind == "partial"] == list(range(1, STEPS + 1))
    assert {r.through for r in client.results if r.kind == "final"} == {16, 32, 48, 60}


def test_a_control_changes_what_has_no_credit_yet(engine):
    client = begun(engine, seed=5)
    client.credit(20)
    (applied,) = client.control(temperature=0, given={"soprano": 70})
    assert (applied.from_, applied.options["temperature"], applied.options["seed"]) == (20, 0.0, 5)
    client.credit(10)
    (applied,) = client.control(given={})
    assert applied.from_ == 30
    client.credit(10)
    played = notes(ended(client).results)
    assert played[:21] == alone(engine, seed=5)[:21]
    sung = {
        result[3]
        for result in played
        if result[2] == "partial"
        for w in result[5]
        if (w[0], w[3]) == ("A#4", "soprano")
    }
    assert set(range(21, 31)) <= sung
    # The same, without anything having been made before the controls came.
    other = begun(engine, seed=5)
    for count, values in ((20, {"temperature": 0, "given": {"soprano": 70}}), (10, {"given": {}}), (10, {})):
        other.credit(count)
        other.control(**values)
    assert notes(ended(other).results) == played


def test_an_end_may_be_asked_for_while_it_plays(engine):
    client = begun(engine, seed=5)
    client.credit(10)
    client.control(end=30)
    client.credit(30)
    partials = [result for result in notes(ended(client).results) if result[2] == "partial"]
    assert all(not result[5] for result in partials[30:]) and len(partials) == 40


def test_before_the_first_step_all_may_be_said(engine):
    client = begun(engine)
    (applied,) = client.control(seed=5, prompt=[[60, 50]])
    assert (applied.from_, applied.options["prompt"]) == (0, [[60, 50]])
    client.credit(STEPS)
    (refused,) = client.control(prompt=[[61, 51]])
    assert (refused.code, refused.field) == ("bad_option", "options.prompt")
    client.seq -= 1
    assert notes(ended(client).results) == alone(engine, seed=5, prompt=[[60, 50]])


@pytest.mark.parametrize(
    "values, field",
    [
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"tempo": 1e9}, "tempo"),
        ({"tempo": float("nan")}, "tempo"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"key": "H"}, "key"),
        ({"given": {"soprano": 20}}, "given"),
        ({"given": {"viola": 60}}, "given"),
        ({"bounds": {"bass": [60, 50]}}, "bounds"),
        ({"bounds": {"bass": [60]}}, "bounds"),
        ({"end": -1}, "end"),
        ({"partials": False}, "partials"),
        ({"colour": "red"}, "colour"),
        ({"temperature": 0.5, "tempo": "fast"}, "tempo"),
    ],
)
def test_a_bad_option_is_refused_and_nothing_changes(engine, values, field):
    client = begun(engine, seed=5)
    client.credit(10)
    (refused,) = client.control(**values)
    assert (refused.code, refused.field, refused.expected) == ("bad_option", f"options.{field}", 2)
    assert refused.message.startswith(f"options.{field}: ") and not refused.fatal
    client.seq -= 1
    (applied,) = client.control()
    assert applied.options == client.opened.options
    client.credit(STEPS - 10)
    assert notes(ended(client).results) == alone(engine, seed=5)


@pytest.mark.parametrize(
    "options, field",
    [
        ({"temperature": 9}, "temperature"),
        ({"prompt": [[20]]}, "prompt"),
        ({"prompt": [[60, 50, 40]]}, "prompt"),
        ({"given": {"soprano": 60}, "prompt": [[20]]}, "prompt"),
        ({"format": {"encoding": "s16"}}, "format"),
    ],
)
def test_options_that_make_no_sense_open_no_stream(engine, options, field):
    (answer,) = engine.receive(b"peer", wire.Open(f"{options}", "tiny", options=options), b"", 0.0)
    assert answer.message.code in ("bad_option", "bad_format")
    assert answer.message.field == f"options.{field}"


def test_messages_of_another_kind_are_refused(engine):
    client = begun(engine)
    client.seq = 1
    for message, payload in (
        (wire.Audio(**client.ids(), seq=1, start=0), b"\0\0"),
        (wire.Text(**client.ids(), seq=1, start=0), b"la"),
        (wire.Skip(**client.ids(), seq=1, start=0, count=9), b""),
        (wire.Skip(**client.ids(), seq=1, start=9, count=0), b""),
    ):
        (refused,) = client.give(message, payload)
        assert (refused.code, refused.field, refused.fatal) == ("unsupported", "type", False)
    client.seq = 0
    client.credit(STEPS)
    ended(client)


def test_credit_is_bounded_by_the_window(engine):
    client = begun(engine, partials=False)
    assert client.opened.window == WINDOW_STEPS
    (refused,) = client.credit(WINDOW_STEPS + 1)
    assert refused.code == "too_large"
    client.seq = 0
    client.credit(WINDOW_STEPS)
    (refused,) = client.credit(1)
    assert (refused.code, refused.expected) == ("overrun", 2)
    client.seq = 1
    client.settle()
    acks = [message for message in client.answers if isinstance(message, wire.Ack)]
    assert len(acks) >= WINDOW_STEPS // ACK_STEPS // 2 and acks[-1].window == WINDOW_STEPS
    assert len(engine.sessions[client.opened.stream].intake._ends) <= 2
    ended(client)
    assert client.closed.through == WINDOW_STEPS


def test_a_silent_piece_keeps_little(engine):
    client = begun(engine, end=1, partials=False)
    session = engine.sessions[client.opened.stream]
    for _ in range(100):
        client.credit(5)
        client.settle()
    assert len(session.intake._ends) <= 2 + ACK_STEPS
    ended(client)
    assert client.closed.through == 500


def test_nothing_is_told_twice(engine):
    client = begun(engine, seed=5)
    client.credit(16)
    client.flush()
    client.flush()
    ended(client)
    assert [r.through for r in client.results if r.kind == "final"] == [16]


def test_a_result_names_the_credit_that_it_needed(engine):
    client = begun(engine, seed=5)
    for count in (3, 0, 5, 30):
        client.credit(count)
    client.flush()
    client.settle()
    causes = {r.through: r.accepted for r in client.results if r.kind == "partial"}
    assert [causes[n] for n in (1, 3, 4, 8, 9, 38)] == [1, 1, 3, 3, 4, 4]
    assert (client.results[-1].kind, client.results[-1].through, client.results[-1].accepted) == (
        "final",
        38,
        5,
    )
    ended(client)


def test_a_server_tells_what_a_generator_takes(engine):
    model = engine.models["tiny"].description()
    assert (model.input, model.encodings, model.rates, model.latency_ms) == ("generator", (), (), 0.0)
    assert {"seed", "temperature", "end", "given", "prompt", "partials"} <= set(model.options)


def test_the_client_composes_and_steers(folder):
    with serving(generator_engine(folder, 4)) as server, connect(server.address) as connection:
        stream = connection.open("tiny", seed=5, partials=False)
        stream.credit(20)
        stream.control(tempo=-1)
        stream.control(transpose=2, temperature=0.5)
        stream.credit(2 * WINDOW_STEPS + 5)
        stream.close()
        finals = [r for r in stream if r.kind == "final"]
        rejected, applied_nothing, applied = stream.notices()
    assert isinstance(rejected, Rejected) and rejected.values == {"tempo": -1}
    assert rejected.refused.field == "options.tempo"
    assert isinstance(applied_nothing, Applied) and applied_nothing.options["tempo"] == 120.0
    assert (applied.position, applied.options["temperature"], applied.options["format"]["semitones"]) == (
        20,
        0.5,
        2,
    )
    assert finals[-1].through == stream.closed.through == stream.position == 2 * WINDOW_STEPS + 25


def test_the_asyncio_client_composes_too(engine, folder):
    async def composed(address: str) -> list[tuple]:
        async with await asynchronous.connect(address) as connection:
            stream = await connection.open("tiny", seed=5)
            await stream.credit(20)
            await stream.credit(STEPS - 20)
            await stream.close()
            return notes([result async for result in stream])

    with serving(generator_engine(folder, 4)) as server:
        assert asyncio.run(composed(server.address)) == alone(engine, seed=5)


def test_watchers_see_the_notes(folder):
    with serving(generator_engine(folder, 4)) as server, Subscriber(server.publish, "tiny/") as watcher:
        watcher.wait_connected()
        with connect(server.address) as connection:
            stream = connection.open("tiny", seed=5)
            stream.credit(16)
            stream.close()
            heard = notes(stream)
        seen = []
        while not seen or not isinstance(seen[-1], wire.Closed):
            seen += [notice.message for notice in watcher.poll(5.0)]
    assert notes(seen[:-1]) == heard and len(heard) == 17


def test_what_means_nothing_is_a_mistake_of_the_caller(folder):
    with serving(generator_engine(folder, 4)) as server, connect(server.address) as connection:
        stream = connection.open("tiny")
        with pytest.raises(TypeError, match="makes steps for credit"):
            stream.send(b"\0\0")
        with pytest.raises(ValueError, match="-1 steps"):
            stream.credit(-1)
    with (
        serving(EchoEngine()) as server,
        connect(server.address) as connection,
        pytest.raises(TypeError, match="is no generator"),
    ):
        connection.open("echo").credit(4)


def test_a_recorded_piece_is_replayed(folder, tmp_path):
    file = tmp_path / "wire.rec"
    with (
        Recorder(file) as recorder,
        serving(generator_engine(folder, 4), recorder=recorder) as server,
        connect(server.address) as connection,
    ):
        streams = [connection.open("tiny", seed=n) for n in range(3)]
        for turn in range(4):
            for number, stream in enumerate(streams):
                stream.credit(5 + number)
                stream.control(temperature=turn / 2)
        for stream in streams:
            stream.close()
        heard = [notes(stream) for stream in streams]
    recorded = recorded_results(file)
    replayed = list(Replay(file, generator_engine(folder, 4)).messages())
    assert sorted(map(notes, recorded.values())) == sorted(heard)
    for stream, results in recorded.items():
        again = [m for m in replayed if isinstance(m, wire.Result) and m.stream == stream]
        assert notes(again) == notes(results) and [r.accepted for r in again] == [r.accepted for r in results]
        applied = [m.from_ for m in replayed if isinstance(m, wire.Applied) and m.stream == stream]
        assert len(applied) == 4 and applied == sorted(applied)
