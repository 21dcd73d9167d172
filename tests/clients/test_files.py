"""Audio files as a client sends them: blocks, rates, pacing, and what is no audio."""

import io
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from streamer.clients.files import BUNDLED, AudioFile, paced, to_s16, wire_rate

BLOCK_MS = 40


def tone(rate_hz: int, seconds: float = 0.5, channels: int = 1) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate_hz * seconds)) / rate_hz)
    return np.stack([wave] * channels, axis=1).astype(np.float32)


def write(path, samples, rate_hz, **options):
    soundfile.write(path, samples, rate_hz, **options)
    return path


def test_a_file_at_a_rate_of_the_wire_comes_sample_for_sample(tmp_path):
    samples = (1000 * np.random.default_rng(0).standard_normal(7777)).astype(np.int16)
    audio = AudioFile(write(tmp_path / "a.wav", samples, 16000))
    blocks = list(audio.blocks(BLOCK_MS))
    assert audio.format == {"encoding": "s16", "rate": 16000, "channels": 1}
    assert len(blocks[0]) == 2 * 640
    heard = np.frombuffer(b"".join(blocks), "<i2")
    assert len(heard) == len(samples)
    assert np.abs(heard.astype(int) - samples).max() <= 1


@pytest.mark.parametrize("name, options", [("a.flac", {}), ("a.ogg", {}), ("a.mp3", {})])
def test_kinds_of_files(tmp_path, name, options):
    audio = AudioFile(write(tmp_path / name, tone(44100), 44100, **options))
    assert audio.rate_hz == 44100
    assert sum(map(len, audio.blocks(BLOCK_MS))) // 2 == pytest.approx(22050, abs=2500)


@pytest.mark.parametrize("name, subtype", [("gsm.wav", "GSM610"), ("g721.au", "G721_32")])
def test_a_format_that_cannot_seek(tmp_path, name, subtype):
    audio = AudioFile(write(tmp_path / name, tone(8000), 8000, subtype=subtype))
    heard = np.concatenate(list(audio.samples(BLOCK_MS)))
    assert len(heard) == pytest.approx(4000, abs=600)  # whole blocks of the codec
    assert np.abs(heard).max() > 0.3


def test_channels_are_averaged(tmp_path):
    both = np.stack([np.full(1600, 0.5), np.full(1600, -0.25)], axis=1)
    audio = AudioFile(write(tmp_path / "two.wav", both, 16000))
    heard = np.concatenate(list(audio.samples(BLOCK_MS)))
    np.testing.assert_allclose(heard, 0.125, atol=1e-4)


def test_where_channels_cancel_one_is_heard_and_said(tmp_path):
    wave = tone(16000)[:, 0]
    audio = AudioFile(write(tmp_path / "anti.flac", np.stack([wave, -wave], axis=1), 16000))
    heard = np.concatenate(list(audio.samples(BLOCK_MS)))
    np.testing.assert_allclose(heard, wave, atol=1e-4)
    assert audio.warning == f"{audio.name}: where its channels cancel, channel 1 alone is heard"
    assert not audio.broken


def test_ordinary_stereo_is_averaged_in_silence_too(tmp_path):
    both = 0.1 * np.random.default_rng(0).standard_normal((16000, 2)).astype(np.float32)
    both[4000:8000] = 0.0
    both[8000:, 1] *= 0.3
    audio = AudioFile(write(tmp_path / "two.wav", both, 16000, subtype="FLOAT"))
    heard = np.concatenate(list(audio.samples(BLOCK_MS)))
    np.testing.assert_array_equal(heard, both.mean(axis=1))
    assert audio.warning == ""


@pytest.mark.parametrize(
    "rate_hz, wanted_hz", [(7000, 8000), (18900, 22050), (88200, 96000), (192000, 96000)]
)
def test_a_rate_that_the_wire_lacks_is_resampled(tmp_path, rate_hz, wanted_hz):
    audio = AudioFile(write(tmp_path / "odd.wav", tone(rate_hz), rate_hz))
    assert audio.rate_hz == wire_rate(rate_hz) == wanted_hz
    heard = np.concatenate(list(audio.samples(BLOCK_MS)))
    assert len(heard) == pytest.approx(wanted_hz * 0.5, abs=2)
    middle = slice(wanted_hz // 8, -wanted_hz // 8)
    np.testing.assert_allclose(heard[middle], tone(wanted_hz)[: len(heard), 0][middle], atol=5e-3)


def test_standard_input(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", tone(16000), 16000)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(path.read_bytes())))
    assert sum(map(len, AudioFile("-").blocks(BLOCK_MS))) == 2 * 8000


def test_what_is_no_number_is_silent_and_what_is_too_loud_is_clipped(tmp_path):
    samples = np.array([np.nan, 4.0, -4.0, 0.0], np.float32)
    audio = AudioFile(write(tmp_path / "f.wav", samples, 16000, subtype="FLOAT"))
    assert np.frombuffer(b"".join(audio.blocks(BLOCK_MS)), "<i2").tolist() == [0, 32767, -32767, 0]


@pytest.mark.parametrize("rate_hz", [16000, 37800])
def test_samples_lie_within_full_scale(tmp_path, rate_hz):
    # A square wave: resampling overshoots it.
    loud = 1e30 * np.sign(tone(rate_hz))
    audio = AudioFile(write(tmp_path / "f.wav", loud, rate_hz, subtype="FLOAT"))
    heard = np.concatenate(list(audio.samples(BLOCK_MS)))
    assert np.abs(heard).max() == 1.0


def test_to_s16_is_little_endian():
    assert to_s16(np.array([1 / 32767, -2 / 32767])) == b"\x01\x00\xfe\xff"


@pytest.mark.parametrize("kind", ["missing", "directory", "nothing", "no samples", "text", "cut header"])
def test_what_is_no_audio_is_one_line_that_names_it(tmp_path, kind):
    path = tmp_path / "some.wav"
    if kind == "directory":
        path.mkdir()
    elif kind == "nothing":
        path.touch()
    elif kind == "no samples":
        write(path, np.zeros(0, np.float32), 16000)
    elif kind == "text":
        path.write_text("these are words, but nobody speaks them\n" * 20)
    elif kind == "cut header":
        path.write_bytes(write(tmp_path / "whole.wav", tone(16000), 16000).read_bytes()[:20])
    with pytest.raises(ValueError) as refused:
        AudioFile(path)
    assert "some.wav" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_pacing_keeps_an_absolute_schedule(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def sleep(seconds):
        clock[0] += seconds + 0.001  # a sleep always lasts a little longer

    monkeypatch.setattr(time, "sleep", sleep)
    came = [(clock[0] - 100.0, block) for block in paced([bytes(1280)] * 25, 16000, 0.01)]
    given = [when for when, block in came if block]
    np.testing.assert_allclose(given, 0.04 * np.arange(1, 26), atol=0.0021)
    assert sum(not block for _, block in came) >= 75


def test_the_recording_that_ships():
    audio = AudioFile(BUNDLED)
    assert sum(map(len, audio.blocks(BLOCK_MS))) == 2 * 16000 * audio.seconds
    assert audio.rate_hz == 16000 and 10 <= audio.seconds <= 25
    assert BUNDLED.stat().st_size < 700_000
    note = BUNDLED.with_name("README.md").read_text()
    assert "CC BY 4.0" in note and "5652-39938-0042" in note
