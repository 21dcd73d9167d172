"""A bench of a server that runs already."""

import json

import numpy as np
import pytest
import soundfile

from streamer.bench.paced_streams import Load, spoken
from streamer.config import Config, ModelOptions
from streamer.config import Server as ServerConfig
from streamer.server.serve import unpaced_engine
from tests.cli.test_cli import refused, streamer  # noqa: F401, a fixture
from tests.serving import serving
from tests.tiny_composer import write_composer
from tests.tiny_engine import noise, tiny_engine

ROOM = 4  # streams that the server takes


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "noise.wav"
    soundfile.write(path, 0.2 * np.random.default_rng(0).standard_normal(16000), 16000)
    return path


def test_streams_are_played_to_a_running_server(streamer, sound):  # noqa: F811
    with serving(tiny_engine(ROOM)) as server:
        command = ["bench", "tiny", "--connect", server.address, "--file", sound, "--json"]
        code, out, lines = streamer(*command, "--streams", ROOM, "--seconds", 1)
    figures = json.loads(out)
    assert (code, lines) == (0, [])
    assert (figures["model"], figures["streams"], figures["device"]) == ("tiny", ROOM, "cpu")
    assert figures["results"] > 0 and 1 <= figures["mean_width"] <= ROOM
    unseen = ("cpu_seconds_per_stream_hour", "bytes_per_stream", "share_of_peak")
    assert [figures[key] for key in unseen] == [None] * 3


def test_a_server_that_refuses_is_one_line_and_left_empty(streamer, sound):  # noqa: F811
    with serving(tiny_engine(ROOM)) as server:
        command = ["bench", "--connect", server.address, "--file", sound, "--seconds", 1]
        refused(streamer(*command, "nobody"), 1, "serves no nobody; there are tiny")
        refused(streamer(*command, "tiny", "--streams", ROOM + 1), 1, "refused a stream")
        refused(
            streamer(*command, "tiny", "--search", "--references"), 2, "leave --search and --references out"
        )
        # The streams that were opened before the refusal are closed: there is room again.
        code, _, _ = streamer(*command, "tiny", "--streams", ROOM)
    assert code == 0


def test_streams_that_are_left_are_closed(sound):
    with serving(tiny_engine(ROOM)) as server:
        for _ in range(3):
            with Load(server.address, spoken((32767 * noise(3200)).astype(np.int16), 16000)) as load:
                load.open("tiny", ROOM)


def test_a_running_composer_is_played(streamer, tmp_path):  # noqa: F811
    config = Config(models={"tiny": ModelOptions(folder=str(write_composer(tmp_path / "tiny")))})
    with serving(unpaced_engine(config, ["tiny"])) as server:
        command = ["bench", "tiny", "--connect", server.address, "--json"]
        code, out, lines = streamer(*command, "--streams", 2, "--seconds", 1)
        refused(streamer(*command, "--file", tmp_path), 2, "tiny reads nothing; leave --file out")
    figures = json.loads(out)
    assert (code, lines, figures["beats"]) == (0, [], 4)
    assert figures["compose_cpu_per_stream_second"] is None


def test_a_piece_that_the_server_ends_is_no_measurement(streamer, tmp_path):  # noqa: F811
    config = Config(
        server=ServerConfig(lease_ms=1),
        models={"tiny": ModelOptions(folder=str(write_composer(tmp_path / "tiny")))},
    )
    with serving(unpaced_engine(config, ["tiny"])) as server:
        command = ["bench", "tiny", "--connect", server.address, "--streams", 2, "--seconds", 1]
        refused(streamer(*command), 1, "the server ended a stream", "it has ended")


def test_no_server_is_one_line(streamer):  # noqa: F811
    refused(streamer("bench", "--connect", "tcp://127.0.0.1:9"), 1, "tcp://127.0.0.1:9", "5 s")
    refused(streamer("bench", "--connect", "nonsense"), 2, "nonsense", "tcp://HOST:PORT")
