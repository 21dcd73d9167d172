"""Serving from a config: a server in a child process, what it says over sockets, and how it fails."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq
from safetensors.torch import save_file

from streamer.clients.connection import connect
from streamer.clients.notices import Resumed
from streamer.config import Config, ModelOptions, Server
from streamer.server.child_process import ServerProcess
from streamer.server.serve import serve, serve_models, unpaced_engine
from tests.tiny_engine import FORMAT, alone, noise, tiny_model

CARD = """
name = "tiny"
task = "captions"
[front]
architecture = "log_mel"
sample_rate_hz = 16000
n_mels = 20
n_fft = 400
hop_length = 160
[network]
architecture = "acoustic_lstm"
n_mels = 20
stack = 3
hidden_size = 16
depth = 2
delay = 3
[reader]
kind = "greedy_ctc"
row_ms = 30.0
endpoint_silence_ms = 90
[labels]
letters = ["", "a", "b", "c", "d", "e", " "]
noise = ["x", "y"]
"""


@pytest.fixture
def config(tmp_path, monkeypatch) -> Config:
    """Serves the tiny model from a folder; its measurements go to a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "card.toml").write_text(CARD)
    save_file(tiny_model().network.state_dict(), folder / "weights.safetensors")
    return Config(
        server=Server(serve=["own"], inputs="tcp://127.0.0.1:0", publish="tcp://127.0.0.1:0"),
        models={"own": ModelOptions(folder=str(folder), max_streams=4)},
    )


def test_a_child_process_serves_and_stops(config):
    samples = noise(30000)
    with ServerProcess(config) as server, connect(server.inputs) as connection:
        assert [model.name for model in connection.describe().models] == ["own"]
        stream = connection.open("own", format={"encoding": "f32", "rate": 16000, "channels": 1})
        for part in np.split(samples, 30):
            stream.send(part.tobytes())
        stream.close()
        results = list(stream)
    served = [(r.kind, r.through, r.alternatives[0].text) for r in results]
    assert served == [(r.kind, r.through, r.alternatives[0].text) for r in alone(samples, 1000).results]
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_one_that_stands_by_takes_over_where_another_was_killed(config):
    with (
        ServerProcess(config) as first,
        ServerProcess(config, first.inputs, first.publish, True) as second,
        connect(first.inputs) as connection,
    ):
        stream = connection.open("own", format=FORMAT)
        stream.send(noise(16_000))
        first.kill()
        second.take_over()
        assert (second.inputs, second.publish) == (first.inputs, first.publish)
        stream.send(noise(16_000))
        stream.close()
        assert stream.wait().through == 32_000
        assert [type(notice) for notice in stream.notices()] == [Resumed]


def test_one_that_stands_by_and_is_never_wanted_ends(config):
    with ServerProcess(config, standby=True) as standing:
        pass
    assert standing.dead


def test_a_server_whose_parent_is_gone_stops_by_itself(config):
    code = (
        "import sys, os, msgspec\n"
        "from streamer.config import Config\n"
        "from streamer.server.child_process import ServerProcess\n"
        f"config = msgspec.json.decode({msgspec.json.encode(config)!r}, type=Config)\n"
        "print(ServerProcess(config).pid, flush=True)\n"
        "os._exit(0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _wait_until_gone(int(ran.stdout))


def _wait_until_gone(pid: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the server outlived its parent")


def test_a_child_that_cannot_serve_says_why(config):
    wrong = Config(server=Server(serve=["nobody"]), models=config.models)
    with pytest.raises(ValueError, match="^model 'nobody' is unknown; there are .*own[^\n]*$"):
        ServerProcess(wrong)


def test_a_port_in_use_is_one_line(config):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as taken:
        taken.bind("tcp://127.0.0.1:0")
        address = taken.get_string(zmq.LAST_ENDPOINT)
        server = Server(serve=["own"], inputs=address, publish="tcp://127.0.0.1:0")
        with pytest.raises(OSError, match=f"^{address} is in use[^\n]*$"):
            serve(Config(server=server, models=config.models), lambda *_: None)


def test_weights_that_are_cut_short_are_one_line(config):
    path = Path(config.models["own"].folder) / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"^{path}: [^\n]*$"):
        serve_models(config, ["own"])


def test_an_unnamed_choice_is_every_live_model(config, monkeypatch):
    monkeypatch.setattr("streamer.models.bundle.catalog.ZOO", Path(config.models["own"].folder) / "nothing")
    assert list(serve_models(config, [])) == ["own"]
    with pytest.raises(ValueError, match="no live model"):
        serve_models(Config(), [])


def test_an_unpaced_engine_never_waits(config):
    assert unpaced_engine(config, ["own"]).settings.max_wait_ms == 0
