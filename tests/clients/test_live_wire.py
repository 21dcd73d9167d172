"""Client, loop and engine together over real sockets, with a small network: the same words."""

import pytest

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.keeping import NOTHING
from streamer.clients.notices import Refusal, Resumed
from streamer.server.recording import Recorder
from streamer.server.replay import Replay, recorded_results
from tests.proxy import Proxy
from tests.serving import serving
from tests.tiny_engine import FORMAT, RATE_HZ, alone, noise, plain, tiny_engine

CHUNK = 1600


def converse(stream, samples) -> list[wire.Result]:
    """All results of a stream that sends `samples` in chunks and closes."""
    results = []
    for at in range(0, len(samples), CHUNK):
        stream.send(samples[at : at + CHUNK].tobytes())
        results += stream.poll()
    stream.close()
    return results + list(stream)


def test_streams_over_sockets_hear_what_they_would_hear_alone():
    sounds = [noise(RATE_HZ * 2 + 123 * seed, seed) for seed in range(6)]
    with serving(tiny_engine()) as server, connect(server.address) as connection:
        streams = [connection.open("tiny", format=FORMAT) for _ in sounds]
        for at in range(0, len(sounds[-1]), CHUNK):
            for stream, sound in zip(streams, sounds):
                if len(sound[at : at + CHUNK]):
                    stream.send(sound[at : at + CHUNK].tobytes())
        for stream, sound in zip(streams, sounds):
            stream.close()
            assert [plain(r) for r in stream] == alone(sound, CHUNK).plain_results
            assert stream.notices() == []
            assert stream.closed.through == len(sound)


def test_far_more_than_the_window_at_once():
    sound = noise(RATE_HZ * 30)
    with serving(tiny_engine(window_ms=1000)) as server, connect(server.address) as connection:
        stream = connection.open("tiny", format=FORMAT)
        stream.send(sound.tobytes())
        stream.close()
        heard = [(r.kind, r.through, r.alternatives[0].text) for r in stream if r.alternatives]
    assert heard == [
        (r.kind, r.through, r.alternatives[0].text) for r in alone(sound).results if r.alternatives
    ]


def test_a_broken_connection_changes_no_word():
    sound = noise(RATE_HZ * 5)
    expected = {r.seq: plain(r) for r in alone(sound, CHUNK).results}
    engine = tiny_engine()
    with serving(engine) as server, Proxy(server.address) as proxy, connect(proxy.address) as connection:
        stream = connection.open("tiny", format=FORMAT)
        results = []
        for number, at in enumerate(range(0, len(sound), CHUNK)):
            stream.send(sound[at : at + CHUNK].tobytes())
            results += stream.poll(0.01)
            if number in (10, 11, 30):
                proxy.cut()
        stream.close()
        results += stream
        notices = stream.notices()
        closed = stream.closed
    assert notices and all(isinstance(n, Resumed) for n in notices)
    assert {r.seq: plain(r) for r in results} == expected
    assert (closed.reason, closed.results) == ("closed", len(expected))


def test_a_recorded_server_replays_to_the_same_results(tmp_path):
    path = tmp_path / "wire"
    with (
        Recorder(path) as recorder,
        serving(tiny_engine(lease_ms=300), recorder=recorder) as server,
        connect(server.address, keeping=NOTHING) as connection,
    ):
        silent = connection.open("tiny", format=FORMAT)
        silent.send(noise(8000, 1).tobytes())
        flushed = connection.open("labels", format=FORMAT)
        flushed.send(noise(8000, 2).tobytes())
        flushed.flush()
        converse(flushed, noise(RATE_HZ, 3))
        list(silent)
        assert silent.closed.reason == "lease"
        drained = connection.open("tiny", format=FORMAT)
        drained.send(noise(8000, 4).tobytes())
        drained.poll(1.0)
        server.loop.stop()
        list(drained)
    messages = list(Replay(path, tiny_engine(lease_ms=300)).messages())
    replayed: dict[bytes, list] = {}
    for message in messages:
        if isinstance(message, wire.Result):
            replayed.setdefault(message.stream, []).append(plain(message))
    recorded = {stream: [plain(r) for r in rows] for stream, rows in recorded_results(path).items()}
    assert replayed == recorded and len(recorded) == 3
    assert [m.reason for m in messages if isinstance(m, wire.Closed)] == ["closed", "lease", "draining"]


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        ({"format": {**FORMAT, "rate": 44000}}, "bad_format", "options.format.rate"),
        ({"format": {**FORMAT, "encoding": "mp3"}}, "bad_format", "options.format.encoding"),
        ({"format": FORMAT, "novelty": 1}, "bad_option", "options.novelty"),
    ],
)
def test_refusals_at_open_name_the_key(options, code, field):
    with serving(tiny_engine()) as server, connect(server.address) as connection:
        with pytest.raises(Refusal) as caught:
            connection.open("tiny", **options)
        assert (caught.value.code, caught.value.refused.field) == (code, field)
        connection.open("tiny", format=FORMAT)
