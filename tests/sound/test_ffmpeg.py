"""Recordings that libsndfile refuses: what phones, browsers and cameras write."""

import builtins
import io

import numpy as np
import pytest

from streamer.clients.files import AudioFile
from streamer.sound.sound_file import SoundFile

av = pytest.importorskip("av")

# container, codec, rate; those of two seconds whose header tells it
KINDS = {
    "a.m4a": ("aac", 44100),
    "a.mp4": ("aac", 48000),
    "a.mov": ("alac", 44100),
    "a.3gp": ("aac", 16000),
    "a.webm": ("libopus", 48000),
    "a.mka": ("libopus", 48000),
    "a.wma": ("wmav2", 44100),
    "a.avi": ("mp2", 44100),
    "a.flv": ("aac", 44100),
    "a.wv": ("wavpack", 44100),
}
RAW = {"a.aac": ("aac", 16000), "a.ac3": ("ac3", 48000), "a.ts": ("aac", 48000)}


def tones(rate_hz: int, seconds: float) -> np.ndarray:
    """A low tone, then from the middle on a high one, [n] float32."""
    time_s = np.arange(round(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * np.where(time_s < seconds / 2, 300, 1500) * time_s)).astype(np.float32)


def write(path, codec: str, rate_hz: int, channels: np.ndarray, pictures: bool = False, **options: str):
    """Encode `channels` [channels, n]."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo" if len(channels) == 2 else "mono")
        stream.bit_rate = 64000
        if pictures:
            film = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")
        stream.open()
        if pictures:
            for _ in range(10):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
                container.mux(film.encode(picture))
            container.mux(film.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", stream.layout.name)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format.name, stream.layout, rate_hz, stream.frame_size or 1024)
        for block in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(block))
    return path


def heard(path) -> tuple[np.ndarray, SoundFile]:
    file = SoundFile(path)
    return np.concatenate(list(file.blocks(700)))[:, 0], file


def pitch_hz(samples: np.ndarray, rate_hz: int) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate_hz / len(samples))


@pytest.mark.parametrize("name", [*KINDS, *RAW])
def test_what_libsndfile_refuses_is_read_whole(tmp_path, name):
    codec, rate_hz = (KINDS | RAW)[name]
    path = write(tmp_path / name, codec, rate_hz, tones(rate_hz, 2.0)[None])
    samples, file = heard(path)
    assert (file.rate_hz, file.channels, file.fault, file.warning) == (rate_hz, 1, "", "")
    assert file.seconds == pytest.approx(2.0, abs=0.15) and len(samples) == file.frames
    for start_s, wanted_hz in (0.2, 300), (1.3, 1500):
        part = samples[round(start_s * rate_hz) :][: rate_hz // 2]
        assert pitch_hz(part, rate_hz) == pytest.approx(wanted_hz, abs=10)
        assert 0.4 < np.abs(part).max() < 0.8


def test_a_film_of_two_channels_is_heard(tmp_path):
    tone = tones(48000, 1.0)
    path = write(tmp_path / "a.mp4", "aac", 48000, np.stack([tone, -tone]), pictures=True)
    audio = AudioFile(path)
    samples = np.concatenate(list(audio.samples(1000)))
    assert np.abs(samples).max() > 0.4 and "channels cancel" in audio.warning


@pytest.mark.parametrize(
    "name, options", [("a.m4a", {"movflags": "faststart"}), ("a.mka", {}), ("a.flv", {})]
)
def test_half_of_it_is_read_and_told(tmp_path, name, options):
    codec, rate_hz = KINDS[name]
    path = write(tmp_path / name, codec, rate_hz, tones(rate_hz, 4.0)[None], **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, file = heard(path)
    assert 1.0 < file.seconds < 3.0
    assert file.warning.startswith(f"{path} says that it lasts 4.") and file.fault == file.warning


def test_damaged_packets_are_left_out_and_counted(tmp_path):
    path = write(tmp_path / "a.aac", "aac", 16000, tones(16000, 4.0)[None])
    content = bytearray(path.read_bytes())
    middle = content.find(b"\xff\xf1", len(content) // 2)
    content[middle + 7 : middle + 40] = b"\xff" * 33
    path.write_bytes(content)
    _, file = heard(path)
    assert file.seconds > 3.5 and file.fault.startswith(f"{path}: damaged packets left out: ")


def test_from_a_pipe(tmp_path, monkeypatch):
    path = write(tmp_path / "a.webm", "libopus", 48000, tones(48000, 1.0)[None])

    class Input:
        buffer = io.BytesIO(path.read_bytes())

    monkeypatch.setattr("sys.stdin", Input)
    _, file = heard("-")
    assert file.seconds == pytest.approx(1.0, abs=0.1)


def test_a_film_without_sound_is_one_line(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")
        for _ in range(5):
            container.mux(film.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(film.encode(None))
    with pytest.raises(ValueError, match="no audio file that can be read: it holds no sound"):
        SoundFile(path)


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile {}\n"])
def test_a_playlist_opens_no_other_file(tmp_path, text):
    sound = write(tmp_path / "a.aac", "aac", 16000, tones(16000, 1.0)[None])
    path = tmp_path / "list.m4a"
    path.write_text(text.format(sound))
    with pytest.raises(ValueError, match="no audio file"):
        SoundFile(path)


def test_without_pyav_the_extra_and_ffmpeg_are_named(tmp_path, monkeypatch):
    path = write(tmp_path / "my talk.m4a", "aac", 44100, tones(44100, 0.5)[None])
    real = builtins.__import__

    def missing(name, *args, **options):
        if name == "av":
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError) as caught:
        SoundFile(path)
    line = str(caught.value)
    assert "pip install 'streamer[media]'" in line and f"ffmpeg -i '{path}' out.wav" in line
    assert "\n" not in line
