"""`streamer send` to a server that is told to stop: the last words come out, then one line."""

import threading
import time

import numpy as np
import pytest
import soundfile

from streamer import wire
from streamer.cli import serve as commands
from tests.echo_engine import EchoEngine, Outgoing
from tests.serving import Server

BLOCK = bytes(640)


class Talking(EchoEngine):
    """Says the last words of every stream when it is told to stop, as the real one does."""

    def drain(self, now):
        out = []
        for echo in self.streams.values():
            echo.results += 1
            words = (wire.Alternative("the last words"),)
            result = wire.Result(
                echo.opened.stream, echo.results, 0, "final", echo.position, echo.accepted, words
            )
            out.append(Outgoing(echo.peer, result))
        return out + super().drain(now)


def blocks(server: Server, until_stopped: bool):
    """One block, and the server is stopped; then more blocks until the stream is over, or none."""
    yield BLOCK
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    until = time.monotonic() + 10
    while until_stopped and time.monotonic() < until:
        time.sleep(0.01)
        yield BLOCK
    stopping.join(10)


@pytest.mark.parametrize("until_stopped", [True, False])
def test_the_last_words_of_a_server_that_stops_are_told(monkeypatch, tmp_path, capsys, until_stopped):
    server = Server(Talking())

    monkeypatch.setattr(commands, "_sound", lambda stream, audio, paced: blocks(server, until_stopped))
    file = tmp_path / "sound.wav"
    soundfile.write(file, np.zeros(1600, np.float32), 16000)
    with pytest.raises(OSError, match="^the stream is over: draining$"):
        commands.send(commands.Send(file=file, model="echo", connect=server.address, paced=True))
    assert capsys.readouterr().out == "the last words\n"
