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
from tests.socket_owner import SocketOwner
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


def test_streams_that_were_found_again_and_resumptions_that_were_refused(tmp_path):
    path = tmp_path / "wire"
    with Recorder(path) as recorder:
        server = Server(tiny_engine(), recorder=recorder)
        owner = SocketOwner(server.address)
        opened = owner.open("a stream that lives")
        ids = {"stream": opened.stream, "owner": opened.owner, "incarnation": opened.incarnation}
        stranger = {**ids, "owner": b"x" * 16}
        for number, (names, kind) in enumerate(((ids, wire.Opened), (stranger, wire.Refused)) * 2):
            owner.tell(wire.Resume(f"again {number}", **names), owner.checkpoint)
            owner.hear(kind)
        owner.tell(wire.Resume("forged", b"s" * 16, b"o" * 16), b"forged" * 20)
        owner.hear(wire.Refused)
        owner.tell(wire.Audio(opened.stream, opened.owner, 2, 8000), SAMPLES[8000:20_000].tobytes())
        owner.tell(wire.Resume("again", **ids), owner.checkpoint)
        assert owner.hear(wire.Opened).covered == 2
        owner.tell(wire.Close(opened.stream, opened.owner, 3))
        closed = owner.hear(wire.Closed)
        owner.tell(wire.Resume("after its end", **ids), owner.checkpoint)
        assert owner.hear(wire.Closed) == closed
        owner.socket.close()
        server.stop()
    assert replayed(path, tiny_engine()) == recorded(path)
    assert len(recorded(path)[opened.stream]) == closed.results > 0
