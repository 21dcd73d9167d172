"""`Replay` through a loop: who is told the last results of a stream, and what asking counts."""

import pytest

from streamer import wire
from streamer.server.loop import Loop
from streamer.server.peers import PeerLimits, Peers
from streamer.server.sockets import Sockets
from tests.server.test_pipelines import FEEDS, folder, pipelines  # noqa: F401, a fixture
from tests.serving import ANY_PORT, Server, serving
from tests.socket_owner import SAMPLES, SocketOwner
from tests.tiny_engine import tiny_engine

NOBODY = bytes(wire.ID_BYTES)


def replayed(asking: SocketOwner, stream: bytes, owner: bytes = b"") -> list[int] | str:
    """The numbers of the results that come again, or why none do."""
    asking.tell(wire.Replay(stream, 1, owner, "replay"))
    numbers = []
    while isinstance(message := asking.hear(wire.Result | wire.Replayed | wire.Refused), wire.Result):
        assert message.stream == stream
        numbers.append(message.seq)
    assert message.request == "replay"
    return message.code if isinstance(message, wire.Refused) else numbers


@pytest.mark.parametrize("publish", [True, False])
def test_what_is_not_published_its_owner_alone_is_told_and_of_what_it_feeds(folder, publish):  # noqa: F811
    server = Server(pipelines(folder, FEEDS))
    owner, stranger = SocketOwner(server.address), SocketOwner(server.address)
    opened = owner.open("a stream that feeds others", publish=publish)
    owner.tell(wire.Audio(opened.stream, opened.owner, 2, 8000), SAMPLES[8000:40_000].tobytes())
    owner.tell(wire.Close(opened.stream, opened.owner, 3))
    ends = [owner.hear(wire.Closed) for _ in range(4)]
    for closed in ends:
        numbers = list(range(1, closed.results + 1))
        assert replayed(owner, closed.stream, opened.owner) == numbers
        assert replayed(stranger, closed.stream, opened.owner) == numbers, "by any connection"
        for token in (b"", NOBODY, b"x" * 16):
            assert replayed(stranger, closed.stream, token) == (numbers if publish else "unknown_stream")
    assert any(closed.results for closed in ends[1:])
    owner.socket.close(), stranger.socket.close()
    server.stop()


def test_asking_counts_as_an_input_of_its_peer():
    loop = Loop(tiny_engine(), Sockets(ANY_PORT, ANY_PORT), peers=Peers(PeerLimits(inputs_per_s=10)))
    with serving(loop.engine, loop=loop) as server:
        owner = SocketOwner(server.address)
        opened = owner.open("a stream")
        told = [replayed(owner, opened.stream) for _ in range(40)]
        assert told[0] != "overrun" and told.count("overrun") > 10
        owner.socket.close()
