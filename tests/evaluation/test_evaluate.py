"""Evaluation end to end: a made-up set through a small network with random weights."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from streamer.config import Config, ModelOptions
from streamer.evaluation.captions import CaptionsOptions, captions_mode, false_full_stops
from streamer.evaluation.commands import spliced_mode
from streamer.evaluation.evaluate import run
from streamer.evaluation.job import Job
from streamer.evaluation.recognition import hear, live_model
from streamer.evaluation.recordings import Recording, SpokenWord
from streamer.evaluation.tasks import evaluate
from tests.evaluation.test_speech_sets import write_set
from tests.tiny_model import LIVE, OFFLINE, write_model

SHARED = ["task", "model", "mode", "examples", "seconds", "wall_seconds", "cpu_seconds", "rtf"]
RATES = ["condition", "wer", "cer", "false_words_per_minute", "word_time_error_median_ms"]
TEXTS = ["yes no", "no", "", "yes please yes", "no no"]


def config(tmp_path, task: str) -> Config:
    return Config(models={"tiny": ModelOptions(folder=str(write_model(tmp_path / task, task)))})


@pytest.fixture
def captions(tmp_path):
    return config(tmp_path, "captions")


@pytest.fixture
def commands(tmp_path):
    return config(tmp_path, "commands")


def test_captions_are_scored_with_their_delays(tmp_path, captions):
    path = write_set(tmp_path / "set", TEXTS, alignments=True)
    figures = evaluate("captions", path, captions, "tiny")
    assert list(figures) == [*SHARED, *RATES, "delay_mean_ms", "delay_p95_ms"]
    assert (figures["task"], figures["model"], figures["mode"]) == ("captions", "tiny", "live")
    assert (figures["examples"], figures["seconds"]) == (5, pytest.approx(4.0))
    assert figures["wer"] >= 0 and figures["rtf"] > 0


def test_chunks_do_not_change_what_is_heard(tmp_path, captions):
    path = write_set(tmp_path / "set", TEXTS)
    scores = [evaluate("captions", path, captions, "tiny", chunk_ms=ms) for ms in (7, 40, 5000)]
    assert len({(s["wer"], s["cer"]) for s in scores}) == 1
    assert scores[0]["delay_mean_ms"] is None


def test_captions_are_scored_offline_too(tmp_path):
    folder = write_model(tmp_path / "whole", network=OFFLINE)
    config = Config(models={"tiny": ModelOptions(folder=str(folder))})
    path = write_set(tmp_path / "set", TEXTS, alignments=True)
    figures = evaluate("captions", path, config, "tiny", "offline")
    assert list(figures) == [*SHARED, *RATES]
    assert (figures["mode"], figures["examples"]) == ("offline", 5)
    with pytest.raises(ValueError, match="offline network"):
        evaluate("captions", path, config, "tiny", "live")


def test_commands_are_scored_alone_and_in_silence(tmp_path, commands):
    figures = evaluate("commands", write_set(tmp_path / "set", TEXTS), commands, "tiny")
    assert 0 <= figures["accuracy"] <= 1
    assert figures["false_words_per_minute"] >= 0
    without = evaluate("commands", write_set(tmp_path / "full", ["yes"]), commands, "tiny")
    assert without["false_words_per_minute"] is None


def test_joined_recordings_stand_beside_separate_ones(tmp_path, captions):
    path = write_set(tmp_path / "set", TEXTS)
    mode = captions_mode("live", CaptionsOptions(joined=2 / 60))
    figures = run("captions", "live", mode, Job(path, "tiny", captions))
    assert figures["recordings"] == 3  # of two utterances of 0.8 s and their silences, but the last
    assert figures["times_monotone"] is True
    assert figures["false_full_stops_per_100_words"] is None  # nobody knows where the words are
    alone = evaluate("captions", path, captions, "tiny")
    assert (figures["separate_wer"], figures["separate_cer"]) == (alone["wer"], alone["cer"])


def test_streams_come_in_the_order_of_their_recordings(tmp_path, captions):
    recordings = [Recording(f"{n} s", "", np.zeros(n * 16000, np.float32), 16000) for n in (3, 1, 2)]
    job = Job(tmp_path, "tiny", captions)
    heard = hear(live_model(job, "captions"), recordings, job)
    assert [stream.key for stream in heard] == ["3 s", "1 s", "2 s"]


def test_a_set_is_repeated_to_fill_a_long_stream(tmp_path, captions):
    path = write_set(tmp_path / "set", TEXTS)
    figures = run(
        "captions",
        "live",
        captions_mode("live", CaptionsOptions(joined=2.2)),
        Job(path, "tiny", captions, 1000),
    )
    assert figures["recordings"] == 1
    assert figures["seconds"] == pytest.approx(132 + 4, abs=2)  # the stream, and each alone once
    assert figures["memory_before_mb"] > 0 and figures["memory_growth_percent"] < 20


def test_an_end_between_two_words_of_a_recording_is_a_false_full_stop():
    def final(end_s):
        word = SimpleNamespace(end=end_s * 100)
        return SimpleNamespace(alternatives=[SimpleNamespace(words=[word])])

    words = tuple(SpokenWord("a", at, at + 0.5) for at in (0.2, 1.2, 2.7, 3.7))  # two recordings of 2 s
    parts = [Recording("one", "a a", np.zeros(200), 100), Recording("two", "a a", np.zeros(200), 100)]
    stream = SimpleNamespace(
        spoken=words, seconds=5.0, rate_hz=100, finals=[final(0.8), final(1.7), final(4.2)]
    )
    assert false_full_stops([stream], parts) == 25.0
    stream.spoken = None
    assert false_full_stops([stream], parts) is None


@pytest.mark.parametrize("mode", ["live", "offline"])
def test_conditions_and_calibration_go_with_both_modes(tmp_path, mode):
    folder = write_model(tmp_path / "model", network=OFFLINE if mode == "offline" else LIVE)
    config = Config(models={"tiny": ModelOptions(folder=str(folder))})
    path = write_set(tmp_path / "set", TEXTS, alignments=True)
    noise = write_set(tmp_path / "noise", ["", ""])
    asked = CaptionsOptions(condition="noise", noise=noise, first=3, calibration=True)
    figures = run("captions", mode, captions_mode(mode, asked), Job(path, "tiny", config))
    assert (figures["condition"], figures["examples"]) == ("noise", 3)
    assert 0 <= figures["calibration_error"] <= 1 and figures["reliability"]


def test_pocketsphinx_is_asked_for_where_it_is_missing(tmp_path, captions, monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    path = write_set(tmp_path / "set", TEXTS)
    with pytest.raises(ValueError, match="pip install 'streamer"):
        run(
            "captions",
            "live",
            captions_mode("live", CaptionsOptions(references=True)),
            Job(path, "tiny", captions),
        )


def test_commands_in_a_running_stream(tmp_path, commands):
    clips = write_set(tmp_path / "clips", ["yes", "no", "please"])
    speech = write_set(tmp_path / "speech", ["no one"])
    noise = write_set(tmp_path / "noise", [""])
    mode = spliced_mode(speech, noise)
    figures = run("commands", "live", mode, Job(clips, "tiny", commands))
    assert (figures["clip_words"], figures["background_seconds"]) == (2, pytest.approx(1.6))


@pytest.mark.parametrize(
    "task, model, mode, complaint",
    [
        ("cooking", None, "live", "task 'cooking'"),
        ("commands", None, "offline", "no mode 'offline'"),
        ("captions", "nobody", "live", "'nobody' is unknown"),
        ("commands", "tiny", "live", "a model for captions"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(tmp_path, captions, task, model, mode, complaint):
    path = write_set(tmp_path / "set", ["yes"])
    with pytest.raises(ValueError, match=complaint) as caught:
        evaluate(task, path, captions, model, mode)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="chunks of 10001 ms"):
        evaluate("captions", path, captions, "tiny", chunk_ms=10001)


def streamer(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "streamer", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )


def test_the_command_prints_one_line_and_nothing_else(tmp_path):
    write_model(tmp_path / "tiny")
    (tmp_path / "config.toml").write_text('[models.tiny]\nfolder = "tiny"\n')
    path = write_set(tmp_path / "set", ["yes"])
    common = "--model", "tiny", "--config", tmp_path / "config.toml", "--json"
    ran = streamer("evaluate", "captions", path, *common)
    assert (ran.returncode, ran.stdout.count("\n")) == (0, 1), ran.stderr
    assert list(json.loads(ran.stdout))[:8] == SHARED

    path.with_name("dev-000.tar").unlink()
    ran = streamer("evaluate", "captions", path, *common)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert "dev-000.tar" in ran.stderr
