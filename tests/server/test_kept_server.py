"""A server of one's own that is killed is there again, and streams go on."""

import os
import signal
import time

from streamer.clients.connection import connect
from streamer.clients.notices import Resumed
from streamer.server.kept_server import MOST_DEATHS, KeptServer
from tests.server.test_serve import config  # noqa: F401, a fixture
from tests.tiny_engine import FORMAT, noise


def wait(done, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "in vain"
        time.sleep(0.05)


def test_it_is_started_again_at_its_addresses(config):  # noqa: F811
    with KeptServer(config) as server, connect(server.inputs) as connection:
        first, address = server.pid, server.inputs
        stream = connection.open("own", format=FORMAT)
        stream.send(noise(16_000))
        os.kill(first, signal.SIGKILL)
        wait(lambda: server.pid != first)
        stream.send(noise(16_000))
        stream.close()
        assert stream.wait().through == 32_000 and server.inputs == address
        assert [type(notice) for notice in stream.notices()] == [Resumed]
        last = server.pid
    wait(lambda: not alive(last))


def test_one_that_dies_again_and_again_stays_dead(config, monkeypatch, capsys):  # noqa: F811
    class Dead:
        inputs = publish = "tcp://127.0.0.1:1"
        dead, pid, made = True, 0, 0

        def __init__(self, *_):
            Dead.made += 1

        def stop(self):
            pass

    monkeypatch.setattr("streamer.server.kept_server.ServerProcess", Dead)
    with KeptServer(config) as server:
        wait(lambda: not server._keeper.is_alive())
    assert Dead.made == 1 + MOST_DEATHS
    assert "stays dead" in capsys.readouterr().err


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
