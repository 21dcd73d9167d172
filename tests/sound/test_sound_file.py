"""Sound files whose header claims more or less than they hold."""

import os

import numpy as np
import pytest
import soundfile

from streamer.clients.files import AudioFile
from streamer.sound import mpeg
from streamer.sound.quiet import quiet_libraries
from streamer.sound.sound_file import SoundFile

RATE_HZ = 16000
FLAC_LENGTH = slice(8 + 13, 8 + 18)  # in STREAMINFO: four bits of something else, then 36 of samples


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.5, 0.5, round(RATE_HZ * seconds)).astype(np.float32)


def content(path, samples, **options) -> bytearray:
    soundfile.write(path, samples, RATE_HZ, **options)
    return bytearray(path.read_bytes())


def heard(path) -> tuple[np.ndarray, SoundFile]:
    file = SoundFile(path)
    return np.concatenate(list(file.blocks(700)))[:, 0], file


def test_a_flac_of_unknown_length_is_read_whole(tmp_path):
    path, samples = tmp_path / "pipe.flac", noise(1.3)
    flac = content(path, samples)
    flac[FLAC_LENGTH] = bytes([flac[21] & 0xF0, 0, 0, 0, 0])
    path.write_bytes(flac)
    assert soundfile.info(path).frames > 2**62
    found, file = heard(path)
    np.testing.assert_allclose(found, samples, atol=1e-4)
    assert (file.seconds, file.warning, file.fault) == (1.3, "", "")


def test_half_a_flac_gives_what_can_be_read_and_says_where_it_breaks(tmp_path):
    path, samples = tmp_path / "half.flac", noise(4.0)
    flac = content(path, samples)
    path.write_bytes(flac[: len(flac) // 2])
    found, file = heard(path)
    assert 1.5 < file.seconds < 2.0 and file.fault
    np.testing.assert_allclose(found, samples[: len(found)], atol=1e-4)
    assert (
        file.warning == file.fault == f"{path} breaks off after {file.seconds:.1f} s: flac decoder lost sync"
    )
    audio = AudioFile(path)
    assert sum(map(len, audio.samples(1000))) == len(found) and audio.broken


def test_half_an_mp3_ends_where_its_sound_ends(tmp_path):
    path, samples = tmp_path / "half.mp3", noise(4.0)
    mp3 = content(path, samples)
    path.write_bytes(mp3[: len(mp3) // 2])
    found, file = heard(path)
    assert 1.5 < file.seconds < 2.5 and len(found) == file.frames
    assert file.warning == f"{path} says that it lasts 4.0 s, but holds {file.seconds:.1f} s"


def test_half_a_wav(tmp_path):
    path, samples = tmp_path / "half.wav", noise(2.0)
    path.write_bytes(content(path, samples)[: 44 + RATE_HZ * 2])
    found, file = heard(path)
    np.testing.assert_allclose(found, samples[:RATE_HZ], atol=1e-4)
    assert file.warning == file.fault == f"{path} says that it lasts 2.0 s, but holds 1.0 s"


@pytest.mark.parametrize(
    "name, options",
    [
        ("a.aiff", {}),
        ("a.aifc", {"format": "AIFF", "subtype": "ULAW"}),
        ("a.w64", {}),
        ("a.rf64", {}),
        ("a.au", {}),
        ("a.wav", {"subtype": "GSM610"}),
        ("b.wav", {"subtype": "IMA_ADPCM"}),
    ],
)
def test_half_a_file_of_any_kind_is_told(tmp_path, name, options):
    path = tmp_path / name
    whole = content(path, noise(4.0), **options)
    assert heard(path)[1].warning == ""
    path.write_bytes(whole[: len(whole) // 2])
    _, file = heard(path)
    assert file.seconds == pytest.approx(2.0, abs=0.1)
    assert file.warning == file.fault and "says that it lasts 4." in file.fault


@pytest.mark.parametrize("options", [{}, {"format": "OGG", "subtype": "OPUS"}])
def test_half_an_ogg_lacks_the_end_of_its_stream(tmp_path, options):
    path = tmp_path / "a.ogg"
    whole = content(path, noise(8.0), **options)
    assert heard(path)[1].warning == ""
    path.write_bytes(whole[: len(whole) // 2])
    _, file = heard(path)
    assert file.seconds > 2.0
    assert (
        file.fault
        == f"{path} breaks off after {file.seconds:.1f} s: the end of its stream is missing"
        == file.warning
    )


@pytest.mark.parametrize("options", [{}, {"format": "OGG", "subtype": "OPUS"}])
def test_joined_oggs_are_heard_to_the_last(tmp_path, options):
    pytest.importorskip("av")
    path = tmp_path / "joined.ogg"
    path.write_bytes(2 * content(path, noise(3.0), **options))
    found, file = heard(path)
    assert file.seconds == pytest.approx(6.0, abs=0.1) and file.warning == ""
    assert np.abs(found[4 * RATE_HZ :]).max() > 0.2


@pytest.mark.parametrize("rate_hz", [1, 3, 999, 2**31 - 1])
def test_a_rate_that_no_sound_has_is_one_line(tmp_path, rate_hz):
    path = tmp_path / "a.wav"
    wav = content(path, noise(0.1))
    wav[24:28] = rate_hz.to_bytes(4, "little")
    path.write_bytes(wav)
    with pytest.raises(ValueError, match=f"a.wav says {rate_hz} Hz; sound has 1000 to 1000000"):
        SoundFile(path)


def test_blocks_of_many_channels_stay_small(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full((RATE_HZ, 300), 0.25), RATE_HZ)
    file = SoundFile(path)
    blocks = list(file.blocks(2**40))
    assert max(block.size for block in blocks) <= 2**22 and file.seconds == 1.0


def test_decoders_do_not_write_to_standard_error(tmp_path, capfd):
    path = tmp_path / "damaged.mp3"
    damaged = bytearray(mp3(path, 4.0))
    damaged[600::211] = b"\xff" * len(damaged[600::211])
    path.write_bytes(damaged)
    soundfile.SoundFile(path).read()
    assert capfd.readouterr().err
    heard(path)
    assert capfd.readouterr().err == ""


def test_python_writes_to_standard_error_meanwhile(capfd):
    with quiet_libraries(), quiet_libraries():
        os.write(2, b"a thread's line\n")
    assert capfd.readouterr().err == "a thread's line\n"


@pytest.mark.parametrize("sizes, samples_size", [(0, 0), (36, 0), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_a_wav_whose_sizes_were_never_written(tmp_path, sizes, samples_size):
    path, samples = tmp_path / "killed.wav", noise(1.0)
    wav = content(path, samples)
    wav[4:8], wav[40:44] = sizes.to_bytes(4, "little"), samples_size.to_bytes(4, "little")
    path.write_bytes(wav)
    found, file = heard(path)
    np.testing.assert_allclose(found, samples, atol=1e-4)
    assert (file.seconds, file.warning) == (1.0, "")


def test_a_warning_waits_for_the_end(tmp_path):
    path = tmp_path / "whole.wav"
    content(path, noise(2.0))
    file = SoundFile(path)
    next(file.blocks(100))
    assert file.warning == ""


def mp3(path, seconds: float, rate_hz: int = RATE_HZ) -> bytes:
    """Noise, then near silence: frames of very different sizes."""
    samples = noise(seconds)
    samples[len(samples) // 4 :] *= 1e-4
    soundfile.write(path, samples, rate_hz, bitrate_mode="VARIABLE", compression_level=0.5)
    return path.read_bytes()


def unmarked(content: bytes) -> bytes:
    """An MP3 without its Xing frame, as it comes through a pipe."""
    first = mpeg.header(content, 0)
    assert first and (b"Xing" in content[: first.size] or b"Info" in content[: first.size])
    return content[first.size :]


def test_an_mp3_without_a_xing_frame_lasts_as_long_as_its_frames(tmp_path):
    path = tmp_path / "pipe.mp3"
    path.write_bytes(unmarked(mp3(path, 8.0)))
    assert abs(soundfile.info(path).duration - 8.0) > 1.0  # a guess
    found, file = heard(path)
    assert file.seconds == pytest.approx(8.0, abs=0.2) and file.warning == ""
    assert np.abs(found[: RATE_HZ * 2]).max() > 0.2 and np.abs(found[RATE_HZ * 3 :]).max() < 0.01


def test_joined_mp3s_are_heard_to_the_last(tmp_path):
    path = tmp_path / "joined.mp3"
    whole = mp3(path, 2.0)
    tag = b"ID3\4\0\0\0\0\x20\0" + bytes(4096)
    path.write_bytes(tag + whole + tag + whole + b"TAG" + bytes(125) + whole)
    found, file = heard(path)
    assert file.seconds == pytest.approx(6.0, abs=0.4) and file.warning == ""
    assert [np.abs(found[RATE_HZ * second :][:8000]).max() > 0.2 for second in (0, 2, 4)] == [True] * 3


def test_joined_mp3s_of_another_rate_are_missed(tmp_path):
    path = tmp_path / "joined.mp3"
    path.write_bytes(mp3(path, 2.0) + mp3(path, 4.0, 32000))
    assert "says that it lasts 4." in heard(path)[1].warning
