"""`streamer transcribe`: formats, several files, bad files."""

import io
import json
import sys

import numpy as np
import pysubs2
import pytest
import soundfile

from streamer.cli.transcribe import Transcribe, rendered, write
from streamer.clients.files import AudioFile
from streamer.config import Config, ModelOptions
from streamer.models.bundle.build import load
from streamer.offline.speech import Offline
from streamer.offline.transcript import Segment, TranscribedWord, Transcript
from tests.offline.test_offline import babble, words
from tests.tiny_ctc import write_ctc
from tests.tiny_model import LIVE

RATE_HZ = 16000


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {"whole": write_ctc(folder / "whole"), "live": write_ctc(folder / "live", LIVE)}


@pytest.fixture(scope="module")
def config(folders):
    return Config(models={name: ModelOptions(folder=str(folder)) for name, folder in folders.items()})


@pytest.fixture
def transcribe(config):
    def call(*files, mode="offline", format="txt", output=None, model=None):
        model = model or ("whole" if mode == "offline" else "live")
        names = [str(file) for file in files]
        return write(
            config, Transcribe(files=names, mode=mode, format=format, output=output, model=str(model))
        )

    return call


@pytest.fixture
def recordings(tmp_path):
    """Three files of different length, rate and channel count."""
    paths = [tmp_path / "one.wav", tmp_path / "two.flac", tmp_path / "three.ogg"]
    soundfile.write(paths[0], babble(1.5, 1), RATE_HZ)
    soundfile.write(paths[1], np.stack([babble(4.0, 2, 44100)] * 2, axis=1), 44100)
    soundfile.write(paths[2], babble(2.0, 3, 8000), 8000)
    return paths


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_one_file_is_its_text(transcribe, recordings, capsys, mode):
    assert transcribe(recordings[0], mode=mode) == 0
    out, err = capsys.readouterr()
    assert out.strip() and out.count("\n") == 1 and ":" not in out
    assert err == ""


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_several_files_are_named_and_say_what_each_says_alone(transcribe, recordings, capsys, mode):
    alone = []
    for path in recordings:
        assert transcribe(path, mode=mode) == 0
        alone.append(f"{path}: {capsys.readouterr().out}")
    assert transcribe(*recordings, mode=mode) == 0
    assert capsys.readouterr().out == "".join(alone)


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_a_file_that_is_too_loud_keeps_nothing_from_the_others(
    transcribe, recordings, tmp_path, capsys, mode
):
    loud = tmp_path / "loud.wav"
    soundfile.write(loud, 1e30 * babble(1.5, 4), RATE_HZ, subtype="FLOAT")
    assert transcribe(loud, *recordings, mode=mode) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 4 and err == ""


def test_live_is_the_live_network_over_the_whole_file(transcribe, recordings, folders, capsys):
    assert transcribe(recordings[0], mode="live", format="json") == 0
    transcript = json.loads(capsys.readouterr().out)
    samples, rate_hz = soundfile.read(recordings[0], dtype="float32")
    (whole,) = Offline(load(folders["live"])).transcribe([(samples, rate_hz)])
    assert transcript["text"] == whole.text
    timed_words = [(w["word"], w["start"], w["end"]) for s in transcript["segments"] for w in s["words"]]
    assert timed_words == words(whole)


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_json(transcribe, recordings, capsys, mode):
    assert transcribe(*recordings, mode=mode, format="json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == [str(path) for path in recordings]
    assert [line["seconds"] for line in lines] == pytest.approx([1.5, 4.0, 2.0], abs=0.01)
    for line in lines:
        assert list(line) == ["file", "seconds", "text", "segments"]
        assert line["text"] == " ".join(segment["text"] for segment in line["segments"])
        for segment in line["segments"]:
            assert list(segment) == ["start", "end", "text", "words"]
            assert segment["text"] == " ".join(word["word"] for word in segment["words"])
            for word in segment["words"]:
                assert list(word) == ["word", "start", "end", "confidence"]
                assert 0 <= segment["start"] <= word["start"] <= word["end"] <= segment["end"]
                assert segment["end"] <= line["seconds"] and 0 <= word["confidence"] <= 1


@pytest.mark.parametrize("format", ["srt", "vtt"])
def test_subtitles(transcribe, recordings, capsys, format):
    assert transcribe(recordings[1], format="json") == 0
    segments = json.loads(capsys.readouterr().out)["segments"]
    assert transcribe(recordings[1], format=format) == 0
    subtitles = pysubs2.SSAFile.from_string(capsys.readouterr().out)
    assert subtitles.format == format
    words = " ".join(segment["text"] for segment in segments).split()
    assert " ".join(line.plaintext for line in subtitles).split() == words
    starts, ends = ([round(1000 * segment[edge]) for segment in segments] for edge in ("start", "end"))
    # A long utterance is several subtitles, the first of which starts and the last of which ends with it.
    assert set(starts) <= {line.start for line in subtitles} and set(ends) <= {line.end for line in subtitles}


def test_subtitles_as_they_are_written():
    spoken = TranscribedWord("well", 3660.5, 3661.0, 0.9), TranscribedWord("now", 3661.0, 3661.25, 0.5)
    segment = Segment(3660.5, 3661.25, "well now", spoken)
    transcript = Transcript(4000.0, "well now", (segment,))
    assert rendered("x", transcript, "srt") == "1\n01:01:00,500 --> 01:01:01,250\nwell now"
    assert "01:01:00.500 --> 01:01:01.250\nwell now" in rendered("x", transcript, "vtt")
    assert rendered("x", Transcript(1.0, "", ()), "srt") == ""
    untimed = Segment(1.0, 2.0, "well now", ())
    assert (
        rendered("x", Transcript(3.0, "well now", (untimed,)), "srt")
        == "1\n00:00:01,000 --> 00:00:02,000\nwell now"
    )


def test_a_file_each_in_a_folder(transcribe, recordings, tmp_path, capsys):
    for format in ("txt", "json", "srt", "vtt"):
        folder = tmp_path / "deep" / format
        assert transcribe(*recordings, format=format, output=folder) == 0
        assert sorted(p.name for p in folder.iterdir()) == [f"{n}.{format}" for n in ("one", "three", "two")]
        assert capsys.readouterr().out == ""
    assert transcribe(recordings[0]) == 0
    assert (tmp_path / "deep" / "txt" / "one.txt").read_text() == capsys.readouterr().out


def test_files_of_one_name_do_not_overwrite_each_other(transcribe, tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "A.flac", tmp_path / "b" / "a.wav", tmp_path / "a.wav"]
    (tmp_path / "b").mkdir()
    for seed, path in enumerate(paths[:3]):
        soundfile.write(path, babble(1.0, seed), RATE_HZ)
    assert transcribe(*paths, format="json", output=tmp_path / "out") == 0
    written = {p.name: json.loads(p.read_text())["file"] for p in (tmp_path / "out").iterdir()}
    assert written == {
        "a.json": str(paths[0]),
        "A.flac.json": str(paths[1]),
        "a.wav.json": str(paths[2]),
        "a.wav-2.json": str(paths[3]),
    }


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_bad_files_are_reported_and_the_rest_done(transcribe, recordings, tmp_path, capsys, mode):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no sound\n" * 100)
    soundfile.write(tmp_path / "silent.wav", np.zeros(0), RATE_HZ)
    cut = (tmp_path / "cut.flac", tmp_path / "two.flac")
    cut[0].write_bytes(cut[1].read_bytes()[:50_000])
    bad = [tmp_path / name for name in ("missing.wav", "", "empty.wav", "text.wav", "silent.wav")]
    assert transcribe(*bad[:3], recordings[0], *bad[3:], recordings[2], mode=mode) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[0] for line in out.splitlines()] == [str(recordings[0]), str(recordings[2])]
    lines = err.splitlines()
    assert len(lines) == len(bad)
    for line, path in zip(lines, bad):
        assert line.startswith("streamer: ") and str(path) in line
    assert transcribe(bad[0], mode=mode) == 1
    assert capsys.readouterr().out == ""
    assert transcribe(cut[0], mode=mode) == 1
    out, err = capsys.readouterr()
    assert out.strip() and err.startswith(f"streamer: {cut[0]} breaks off after ") and err.count("\n") == 1


def test_a_file_that_breaks_off_in_the_middle_is_not_written(transcribe, recordings, capsys, monkeypatch):
    whole = AudioFile.samples

    def samples(audio, block_ms):
        yield next(whole(audio, block_ms))
        if audio.name == str(recordings[1]):
            raise ValueError(f"{audio.name} can't be read to its end")

    monkeypatch.setattr(AudioFile, "samples", samples)
    assert transcribe(*recordings) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[0] for line in out.splitlines()] == [str(recordings[0]), str(recordings[2])]
    assert err == f"streamer: {recordings[1]} can't be read to its end\n"


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_whatever_is_wrong_with_a_file_costs_no_other(transcribe, recordings, capsys, monkeypatch, mode):
    whole = AudioFile.samples

    def samples(audio, block_ms):
        yield next(whole(audio, block_ms))
        if audio.name == str(recordings[1]):
            raise MemoryError("a decoder that breaks")

    monkeypatch.setattr(AudioFile, "samples", samples)
    assert transcribe(*recordings, mode=mode) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[0] for line in out.splitlines()] == [str(recordings[0]), str(recordings[2])]
    assert err == f"streamer: {recordings[1]} can't be read: MemoryError: a decoder that breaks\n"


def test_a_missing_file_is_told_before_a_network_is_loaded(transcribe, recordings, capsys):
    assert transcribe("gone.wav", model="no-such-model") == 1
    assert capsys.readouterr().err == "streamer: gone.wav is missing; give an audio file\n"
    with pytest.raises(ValueError, match="no-such-model"):
        transcribe(recordings[0], "gone.wav", model="no-such-model")
    assert capsys.readouterr().err == "streamer: gone.wav is missing; give an audio file\n"


def test_standard_input(transcribe, recordings, tmp_path, capsys, monkeypatch):
    assert transcribe(recordings[0]) == 0
    wanted = capsys.readouterr().out
    pipe = io.TextIOWrapper(io.BytesIO(recordings[0].read_bytes()))
    monkeypatch.setattr(sys, "stdin", pipe)
    assert transcribe("-") == 0
    assert capsys.readouterr().out == wanted
    pipe.seek(0)
    assert transcribe("-", output=tmp_path / "out") == 0
    assert (tmp_path / "out" / "stdin.txt").read_text() == wanted


def test_what_keeps_everything_from_being_written(transcribe, recordings, tmp_path):
    with pytest.raises(ValueError, match="mode"):
        transcribe(recordings[0], mode="dead", model="whole")
    with pytest.raises(ValueError, match="--output"):
        transcribe(*recordings, format="srt")
    with pytest.raises(ValueError, match="unknown"):
        transcribe(recordings[0], model="nobody")
    with pytest.raises(ValueError, match="offline network"):
        transcribe(recordings[0], mode="live", model="whole")
    for mode in ("offline", "live"):
        with pytest.raises(ValueError, match="entities-en hears no sound"):
            transcribe(recordings[0], mode=mode, model="entities-en")
    with pytest.raises(OSError):
        transcribe(recordings[0], output=recordings[1])
