"""What bench tells of offline networks, and what it refuses."""

import json

import numpy as np
import pytest
import soundfile

from tests.cli.test_cli import refused, streamer  # noqa: F401, a fixture
from tests.tiny_ctc import write_ctc
from tests.tiny_model import LIVE


@pytest.fixture
def config(tmp_path):
    write_ctc(tmp_path / "whole")
    write_ctc(tmp_path / "live", LIVE)
    path = tmp_path / "config.toml"
    path.write_text('[models.whole]\nfolder = "whole"\n[models.live]\nfolder = "live"\n')
    return path


@pytest.fixture
def noise(tmp_path):
    path = tmp_path / "noise.wav"
    # A rate that the wire doesn't have.
    soundfile.write(path, 0.2 * np.random.default_rng(0).standard_normal(20000), 18000)
    return path


def test_recordings_are_transcribed_at_once_and_one_by_one(streamer, config, noise):  # noqa: F811
    command = ["bench", "whole", "--offline", "--file", noise, "--config", config, "--json"]
    code, out, lines = streamer(*command, "--streams", 3, "--seconds", 2)
    figures = json.loads(out)
    assert (code, lines) == (0, [])
    assert (figures["task"], figures["model"], figures["device"]) == ("captions", "whole", "cpu")
    assert (figures["streams"], figures["seconds"], figures["references"]) == (3, 2.0, None)
    assert figures["times_real_time"] > 0 and figures["cpu_seconds_per_stream_hour"] > 0
    _, out, _ = streamer(*command, "--streams", 3, "--seconds", 2, "--references")
    figures = json.loads(out)
    alone = figures["references"]
    assert alone["ratio"] * alone["times_real_time"] == pytest.approx(figures["times_real_time"])


@pytest.mark.parametrize(
    "model, arguments, status, wanted",
    [
        ("live", (), 1, "live is a live network"),
        ("entities-en-offline", (), 1, "hears no sound"),
        ("whole", ("--seconds", 0.01), 2, "at least 1, of 0.1 s"),
        ("whole", ("--seconds", 80000), 2, "at most 14400 s"),
        ("whole", ("--seconds", "nan"), 2, "more than 0"),
        ("whole", ("--file", "CONFIG"), 1, "is no audio file that can be read"),
        ("whole", ("--search",), 2, "leave --search out"),
        ("whole", ("--save", "x.png", "--connect", "tcp://127.0.0.1:9"), 2, "leave --connect and --save out"),
    ],
)
def test_what_is_no_offline_bench_is_one_line(streamer, config, model, arguments, status, wanted):  # noqa: F811
    arguments = [config if argument == "CONFIG" else argument for argument in arguments]
    refused(streamer("bench", model, "--offline", "--config", config, *arguments), status, wanted)


@pytest.mark.parametrize(
    "picture, status, wanted",
    [
        ("late.doc", 2, "name a .png or a .svg"),
        ("late", 2, "name a .png or a .svg"),
        ("nowhere/late.png", 1, "nowhere is no folder"),
    ],
)
def test_a_picture_that_cannot_be_written_is_told_before_the_run(streamer, picture, status, wanted):  # noqa: F811
    refused(streamer("bench", "--save", picture), status, picture, wanted)


def test_without_offline_the_line_says_so(streamer, config):  # noqa: F811
    refused(streamer("bench", "whole", "--streams", 1, "--config", config), 1, "bench --offline")
