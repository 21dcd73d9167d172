"""What bench tells of generators."""

import pytest

from streamer.bench.live_pieces import bench_music
from streamer.config import Config, ModelOptions
from tests.cli.test_cli import refused, streamer  # noqa: F401, a fixture
from tests.tiny_composer import write_composer


@pytest.fixture
def config(tmp_path):
    return Config(models={"tiny": ModelOptions(folder=str(write_composer(tmp_path / "tiny")))})


def test_every_beat_of_every_piece_is_composed_and_sounded(config):
    report = bench_music(config, "tiny", 3, 1.5)
    assert (report.model, report.streams, report.seconds, report.tempo) == ("tiny", 3, 1.5, 120.0)
    assert report.beats == 3 * 3 and report.lead_least_ms <= report.lead_p50_ms < 1000
    assert report.held == (report.lead_least_ms >= 0) == (report.late_beats == 0)
    assert report.sound_cpu_per_stream_second > 0


def test_less_than_a_beat_and_files_are_refused(config, streamer, tmp_path):  # noqa: F811
    with pytest.raises(ValueError, match="a beat of 0.5 s"):
        bench_music(config, "tiny", 1, 0.1)
    refused(streamer("bench", "chorale", "--file", tmp_path), 2, "chorale reads nothing")
