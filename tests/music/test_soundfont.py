"""`streamer compose --soundfont`: by a made-up fluidsynth, and by the real one where it is installed."""

import shutil
import sys

import numpy as np
import pytest
import soundfile

from tests.cli.test_cli import refused, streamer  # noqa: F401, a fixture
from tests.tiny_composer import write_composer
from tests.tiny_soundfont import write_soundfont

# Two seconds of a wave at any tempo, or what its last line does instead.
FLUIDSYNTH = """#!{python}
import sys
import numpy as np
arguments = sys.argv[1:]
font, midi = arguments[-2:]
assert open(font, "rb").read(4) == b"RIFF" and open(midi, "rb").read(4) == b"MThd"
assert arguments[arguments.index("-r") + 1] == "48000"
raw = arguments[arguments.index("-F") + 1]
wave = np.sin(np.arange(96000) / 20).repeat(2).astype("<f4") * 3
{last}
"""


@pytest.fixture
def compose(streamer, tmp_path):  # noqa: F811
    write_composer(tmp_path / "tiny")
    (tmp_path / "config.toml").write_text('[models.tiny]\nfolder = "tiny"\n')
    (tmp_path / "out").mkdir()
    return lambda *arguments: streamer(
        "compose",
        "--model",
        "tiny",
        "--config",
        tmp_path / "config.toml",
        "--seed",
        4,
        "--seconds",
        3,
        *arguments,
    )


@pytest.fixture
def font(tmp_path):
    return write_soundfont(tmp_path / "tiny.sf2")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts a fluidsynth on the PATH that ends as `last` says."""

    def install(last: str = "wave.tofile(raw)") -> None:
        program = tmp_path / "bin/fluidsynth"
        program.parent.mkdir(exist_ok=True)
        program.write_text(FLUIDSYNTH.format(python=sys.executable, last=last))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))

    return install


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_what_fluidsynth_played_is_written_for_just_so_long(compose, font, installed, tmp_path, ending):
    installed()
    output = tmp_path / "out" / f"a.{ending}"
    assert compose("--soundfont", font, "--output", output) == (0, "", ["streamer: seed 4"])
    samples, rate = soundfile.read(output)
    assert (samples.shape, rate) == ((3 * 48000, 2), 48000)
    # Louder than full scale came, and nothing is cut off; what is missing at the end is silence.
    assert 0.6 < np.abs(samples[:90000]).max() < 0.8 and np.abs(samples[97000:]).max() < 0.01
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize(
    "last,complaint",
    [
        ("print('fluidsynth: error: no room', file=sys.stderr)", "no room"),
        ("print('fluidsynth: error: damaged', file=sys.stderr); wave.tofile(raw)", "damaged"),
        ("wave.tofile(raw); sys.exit('it fell over')", "it fell over"),
        ("wave.tofile(raw); sys.exit(3)", "exit status 3"),
        ("pass", "no sound came out"),
        ("open(raw, 'wb')", "no sound came out"),
    ],
)
def test_a_fluidsynth_that_fails_is_one_line_and_leaves_nothing(
    compose, font, installed, tmp_path, last, complaint
):
    installed(last)
    refused(
        compose("--soundfont", font, "--output", tmp_path / "out/a.wav"),
        1,
        "fluidsynth can't play with",
        complaint,
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_is_one_line_and_composes_nothing(compose, font, installed, tmp_path, monkeypatch):
    installed()
    (tmp_path / "no.sf2").write_bytes(b"RIFF1234WAVEfmt ")
    (tmp_path / "empty.sf2").touch()
    sound = tmp_path / "out/a.wav"
    for arguments, part in [
        (("--soundfont", tmp_path / "none.sf2", "--output", sound), "No such file"),
        (("--soundfont", tmp_path, "--output", sound), "Is a directory"),
        (("--soundfont", tmp_path / "no.sf2", "--output", sound), "not a SoundFont"),
        (("--soundfont", tmp_path / "empty.sf2", "--output", sound), "not a SoundFont"),
        (("--soundfont", font), "add --output"),
        (("--soundfont", font, "--output", tmp_path / "out/a.mid"), "add --output"),
        (("--soundfont", font, "--play"), "leave --play out"),
    ]:
        # A wrong call ends with 2, a wrong file with 1.
        refused(compose(*arguments), 2 if "leave" in part or "add" in part else 1, part)
    monkeypatch.setenv("PATH", str(tmp_path / "out"))
    refused(compose("--soundfont", font, "--output", sound), 1, "fluidsynth is not installed")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="fluidsynth is not installed")
def test_the_real_one_plays_to_the_end_of_the_piece(compose, font, tmp_path):
    output = tmp_path / "out/a.flac"
    assert compose("--soundfont", font, "--output", output)[0] == 0
    samples, _ = soundfile.read(output)
    assert len(samples) == 3 * 48000 and np.abs(samples).max() == pytest.approx(0.7, abs=0.01)
    # The last notes sound to the end of the piece and die away after it.
    assert np.abs(samples[48000:105000]).max() > 0.05 and np.abs(samples[-480:]).max() < 0.05
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(font.read_bytes()[:2000])
    refused(
        compose("--soundfont", broken, "--output", tmp_path / "out/b.wav"), 1, "can't play with", "broken.sf2"
    )
    assert list(output.parent.iterdir()) == [output]
