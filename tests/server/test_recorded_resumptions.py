"""A recorded wire on which streams were resumed replays to the same results."""

import time

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.keeping import Keeping
from streamer.clients.notices import Resumed
from streamer.server.loop import Loop
from streamer.server.recording import Recorder
from streamer.server.replay import Replay, recorded_results
from streamer.server.sealing import Sealer
from streamer.server.sockets import Sockets
from tests.server.test_pipelines import FEEDS, folder, pipelines  # noqa: F401, a fixture
from tests.serving import ANY_PORT, Server
from tests.tiny_engine import FORMAT, noise, plain, tiny_engine

SAMPLES = noise(48_000, 3)


def replayed(path, engine) -> dict[bytes, list[tuple]]:
    results: dict[bytes, list[tuple]] = {}
    for message in Replay(path, engine).messages():
        if isinstance(message, wire.Result):
            results.setdefault(message.stream, []).append(plain(message))
    return results


def recorded(path) -> dict[bytes, list[tuple]]:
    return {stream: [plain(r) for r in rows] for stream, rows in recorded_results(path).items()}


def test_both_servers_of_a_stream(folder, tmp_path):  # noqa: F811
    sealer, paths = Sealer(None), [tmp_path / "first", tmp_path / "second"]

    def server_at(path, inputs: str = ANY_PORT):
        recorder = Recorder(path)
        loop = Loop(pipelines(folder), Sockets(inputs, ANY_PORT), recorder, sealer=sealer)
        return Server(None, recorder=recorder, loop=loop)

    server = server_at(paths[0])
    with connect(server.address, keeping=Keeping(100)) as connection:
        stream = connection.open("tiny", format=FORMAT)
        for at in range(0, 24_000, 4000):
            stream.send(SAMPLES[at : at + 4000])
            stream.poll(0.1)
        server.kill()
        server.recorder.close()
        server = server_at(paths[1], server.address)
        stream.send(SAMPLES[24_000:])
        stream.flush()
        stream.close()
        list(stream)
        assert [type(notice) for notice in stream.notices()] == [Resumed]
    server.stop()
    server.recorder.close()
    # What the first one had taken and not said when it died, a replay says.
    said = replayed(paths[0], pipelines(folder, FEEDS))
    assert {stream: said[stream][: len(rows)] for stream, rows in recorded(paths[0]).items()} == recorded(
        paths[0]
    )
    assert replayed(paths[1], pipelines(folder, FEEDS)) == recorded(paths[1])
    assert len(recorded(paths[1])) == 4, "the stream, and those that it fed"


def test_a_stream_that_moved_and_came_back(tmp_path):
    path = tmp_path / "wire"
    with Recorder(path) as recorder:
        server = Server(tiny_engine(lease_ms=300), recorder=recorder)
        with connect(server.address, keeping=Keeping(100)) as connection:
            stream = connection.open("tiny", format=FORMAT)
            stream.send(SAMPLES[:20_000])
            while server.engine.sessions:
                time.sleep(0.02)
            stream.send(SAMPLES[20_000:])
            stream.close()
            list(stream)
            assert Resumed in {type(notice) for notice in stream.notices()}
        server.stop()
    assert replayed(path, tiny_engine(lease_ms=300)) == recorded(path)
