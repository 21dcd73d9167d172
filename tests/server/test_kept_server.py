"""A server of one's own that is killed is there again, and streams go on."""

import itertools
import os
import signal
import threading
import time

import pytest

from streamer.cli.live_talk import Talk
from streamer.clients.caption_forms import TextLines
from streamer.clients.connection import connect
from streamer.clients.live_figures import Figures
from streamer.clients.live_lines import Lines
from streamer.clients.notices import Resumed, StreamOver
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


def test_one_that_dies_again_and_again_stays_dead(config, monkeypatch):  # noqa: F811
    class Dead:
        inputs = publish = "tcp://127.0.0.1:1"
        dead, pid, made = True, 0, 0

        def __init__(self, *_):
            Dead.made += 1

        def stop(self):
            pass

    monkeypatch.setattr("streamer.server.kept_server.ServerProcess", Dead)
    with KeptServer(config) as server:
        wait(lambda: server.lost)
    assert Dead.made == 1 + MOST_DEATHS
    assert "stays dead" in server.lost


def test_it_ends_at_once_while_it_is_started_again(config, monkeypatch):  # noqa: F811
    loaded, made = threading.Event(), []

    class Slow:
        inputs = publish = "tcp://127.0.0.1:1"
        pid = 0

        def __init__(self, *_):
            self.dead = self.stopped = False
            made.append(self)
            if len(made) > 1:
                loaded.wait()

        def kill(self):
            self.dead = True

        def stop(self):
            self.stopped = True

    monkeypatch.setattr("streamer.server.kept_server.ServerProcess", Slow)
    with KeptServer(config) as server:
        made[0].dead = True
        wait(lambda: len(made) == 2)
        ending = threading.Thread(target=server.kill)
        ending.start()
        ending.join(10)
        in_time = not ending.is_alive()
        loaded.set()
        assert in_time
        # The one that nobody wants any more doesn't stay.
        wait(lambda: made[1].dead and made[1].stopped)
    assert len(made) == 2


@pytest.mark.parametrize("blocks", [lambda: [bytes(640)] * 50, lambda: itertools.repeat(b"")])
def test_a_session_ends_with_the_reason_when_its_server_stays_dead(config, monkeypatch, blocks):  # noqa: F811
    def fails(*_):
        raise ValueError("no memory left")

    form = {"encoding": "s16", "rate": 16_000, "channels": 1}
    with (
        KeptServer(config) as server,
        pytest.raises(StreamOver, match="no memory left"),
        connect(server.inputs, reconnect_s=20.0) as connection,
    ):
        figures = Figures("title")
        stream = connection.open("own", format=form)
        talk = Talk(stream, figures, Lines(figures, TextLines()), None, None, server)
        monkeypatch.setattr("streamer.server.kept_server.ServerProcess", fails)
        os.kill(server.pid, signal.SIGKILL)
        talk.run(blocks())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
