"""`streamer compose` and `streamer evaluate music`, with a small composer."""

import json
import os
import signal
from functools import partial

import mido
import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from streamer.models.bundle.build import build_network
from streamer.music.midi_input import read_melody
from streamer.music.performance import length_of
from streamer.music.piece import seconds_of
from streamer.music.sound import FADE_SECONDS
from tests.cli.test_cli import refused, streamer  # noqa: F401, a fixture
from tests.tiny_composer import write_composer

ROLL = """
name = "roll"
task = "music"
[feeder]
kind = "roll"
[network]
architecture = "roll_density"
hidden_size = 8
depth = 1
inner_size = 8
[reader]
kind = "none"
[labels]
keys = [{keys}]
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_composer(folder / "tiny")
    (folder / "roll").mkdir()
    (folder / "roll/card.toml").write_text(ROLL.format(keys=", ".join(f'"{k}"' for k in range(88))))
    torch.manual_seed(1)
    network = build_network("roll_density", {"hidden_size": 8, "depth": 1, "inner_size": 8})
    save_file(network.state_dict(), folder / "roll/weights.safetensors")
    (folder / "config.toml").write_text('[models.tiny]\nfolder = "tiny"\n[models.roll]\nfolder = "roll"\n')
    random = np.random.default_rng(2)
    pitches = random.integers(56, 68, (60, 2)).astype(np.int16)
    np.savez(folder / "voices.npz", lengths=[20, 40], pitches=pitches)
    np.savez(
        folder / "rolls.npz",
        lengths=[20, 40],
        roll_packed=np.packbits(random.random((60, 88)) < 0.05, axis=1),
    )
    return folder


@pytest.fixture
def compose(desk, streamer):  # noqa: F811
    return lambda *arguments: streamer(
        "compose", "--model", "tiny", "--config", desk / "config.toml", *arguments
    )


@pytest.fixture
def evaluate(desk, streamer):  # noqa: F811
    return lambda *arguments: streamer("evaluate", "music", *arguments, "--config", desk / "config.toml")


def test_the_same_seed_is_the_same_sound_of_just_that_length(compose, tmp_path):
    for name in ("a.wav", "b.wav"):
        code, out, lines = compose("--seed", 4, "--seconds", 3.21, "--output", tmp_path / name)
        assert (code, out, lines) == (0, "", ["streamer: seed 4"])
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert (len(samples), rate) == (round(3.21 * 48000), 48000)
    assert 0.05 < np.abs(samples).max() < 1 and np.abs(samples[-50:]).max() < 0.05
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_scores_and_pictures(compose, tmp_path):
    for name in ("a.mid", "a.musicxml"):
        code, _, _ = compose("--seconds", 2, "--output", tmp_path / name, "--roll", tmp_path / "a.png")
        assert code == 0 and (tmp_path / name).stat().st_size > 100
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = compose("--prompt", "C4 D4", "--seconds", 2)
    assert code == 0 and "C4" in out


def moving(notes: list[int]) -> list[int]:
    """Without repetitions."""
    return [note for number, note in enumerate(notes) if not number or note != notes[number - 1]]


def test_an_accompaniment_follows_a_file(compose, tmp_path):
    assert compose("--prompt", "C4 E4 G4 C5", "--seconds", 3, "--output", tmp_path / "a.mid")[0] == 0
    melody = tmp_path / "a.mid"
    assert compose("--accompany", melody, "--seconds", 3, "--output", tmp_path / "b.mid")[0] == 0
    # Without --seconds it is as long as the melody.
    assert compose("--accompany", melody, "--output", tmp_path / "c.mid")[0] == 0
    given, followed = read_melody(melody, 4).notes, mido.MidiFile(tmp_path / "c.mid")
    assert followed.length == pytest.approx(mido.MidiFile(melody).length)
    first = [message.note for message in followed.tracks[1] if message.type == "note_on" and message.velocity]
    # A note that is struck again is one in the steps and two in the file.
    assert moving(first) == moving(given)
    both = compose("--accompany", melody, "--prompt", "C4", "--output", tmp_path / "d.mid")
    refused(both, 2, "both give the first voice")


def test_a_files_tempo_and_repeated_notes_are_heard_and_written(compose, tmp_path):
    messages = [mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(75))]
    for tempo in (None, None, 50):
        if tempo:
            messages.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
        messages += [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=960)]
    mido.MidiFile(tracks=[mido.MidiTrack(messages)]).save(tmp_path / "a.mid")
    wanted = 4 * 60 / 75 + 2 * 60 / 50
    for name in ("b.mid", "b.wav"):
        assert compose("--accompany", tmp_path / "a.mid", "--seed", 2, "--output", tmp_path / name)[0] == 0
    written = mido.MidiFile(tmp_path / "b.mid")
    assert written.length == pytest.approx(wanted, rel=1e-3)
    assert sum(m.type == "note_on" and m.velocity > 0 for m in written.tracks[1]) == 3
    samples, rate = soundfile.read(tmp_path / "b.wav")
    assert len(samples) == pytest.approx((wanted + FADE_SECONDS) * rate, abs=2)
    # --tempo is for the whole piece.
    assert compose("--accompany", tmp_path / "a.mid", "--tempo", 100, "--output", tmp_path / "c.mid")[0] == 0
    assert mido.MidiFile(tmp_path / "c.mid").length == pytest.approx(6 * 60 / 100, rel=1e-3)


def test_bad_input_is_one_line_and_leaves_nothing(compose, tmp_path, monkeypatch):
    (tmp_path / "no.mid").write_bytes(b"no midi")
    sound = tmp_path / "out/a.wav"
    sound.parent.mkdir()
    for arguments, status, part in [
        (("--seconds", "1e9"), 2, "at most 14400"),
        (("--seconds", "0"), 2, "more than 0"),
        (("--seconds", "nan"), 2, "nan seconds"),
        (("--tempo", "-3"), 2, "tempo of -3"),
        (("--key", "H"), 2, "'H' is no key"),
        (("--prompt", tmp_path / "no.mid"), 1, "not a MIDI file"),
        (("--accompany", tmp_path / "none.mid"), 1, "No such file"),
        (("--prompt", "C9"), 2, "out of range"),
        (("--accompany", "keys"), 2, "add --play"),
        (("--roll", tmp_path / "a.txt"), 2, "the ending says"),
    ]:
        refused(compose(*arguments, "--output", sound), status, part)
        assert list(sound.parent.iterdir()) == []
    refused(compose("--output", tmp_path / "a.mp3"), 2, "the ending says")
    refused(compose("--output", tmp_path / "none/a.wav"), 1, "is no folder")
    with monkeypatch.context() as patch:
        patch.setattr(
            "os.access", lambda path, mode, access=os.access: mode != os.W_OK and access(path, mode)
        )
        refused(compose("--output", tmp_path / "a.mid"), 1, "may only be read")
    refused(compose("--model", "captions-en"), 1, "is no composer")
    refused(compose("--temperature", "-1"), 2, "temperature")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_stopped_leaves_nothing(compose, tmp_path, monkeypatch, number):
    monkeypatch.setattr("streamer.cli.compose_file.SoundFile.write", lambda *_: os.kill(os.getpid(), number))
    # A shell that runs the tests in the background has them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(number)
    code, out, lines = compose("--output", tmp_path / "a.wav")
    assert (out, list(tmp_path.iterdir())) == ("", [])
    if number == signal.SIGINT:
        assert code == 130
    else:
        assert code == 1 and lines[-1] == f"streamer: ended by {number.name}"
    assert signal.getsignal(number) == before


class Output:
    """A sound output that plays for some blocks, and then `stops`."""

    def __init__(self, stops, callback, blocksize, **options):
        self.stops, self.callback, self.block = stops, callback, np.zeros((blocksize, 2), np.float32)
        self.left = 20

    def start(self):
        pass

    stop = abort = close = start

    @property
    def active(self):
        if not self.left:
            return self.stops()
        self.left -= 1
        self.callback(self.block, len(self.block), None, None)
        return True


def vanish():
    return False


def signalled(number):
    os.kill(os.getpid(), number)
    return True


@pytest.mark.parametrize(
    "stops, ends",
    [
        (vanish, (1, "streamer: the loudspeaker is gone; was it unplugged?")),
        (partial(signalled, signal.SIGTERM), (1, "streamer: ended by SIGTERM")),
        (partial(signalled, signal.SIGHUP), (1, "streamer: ended by SIGHUP")),
        (partial(signalled, signal.SIGINT), (130, None)),
    ],
)
def test_what_was_played_is_written_whatever_ends_it(compose, tmp_path, monkeypatch, stops, ends):
    class SoundSystem:
        PortAudioError = RuntimeError
        OutputStream = staticmethod(partial(Output, stops))

    monkeypatch.setattr("streamer.clients.speaker.load_sounddevice", lambda: SoundSystem)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code, out, lines = compose("--play", "--seed", 3, "--output", tmp_path / "a.mid")
    status, line = ends
    assert (code, out) == (status, "")
    assert line is None or lines[-1] == line
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]
    assert mido.MidiFile(tmp_path / "a.mid").length > 0


def test_without_a_loudspeaker(compose, monkeypatch):
    class Missing:
        PortAudioError = RuntimeError

        def OutputStream(self, **options):
            raise RuntimeError("Error querying device -1")

    monkeypatch.setattr("streamer.clients.speaker.load_sounddevice", Missing)
    refused(compose("--play"), 1, "no sound output here", "--output FILE")


@pytest.mark.parametrize("seconds", [0.01, 0.5, 1.0, 10.0, 61.7])
@pytest.mark.parametrize("tempo", [20.0, 97.3, 400.0])
def test_a_length_is_filled_and_not_passed(seconds, tempo):
    for tempi in ({0: tempo}, {0: tempo, 8: 80.0, 12: 150.0}):
        length = length_of(seconds, tempi, 4)
        lasting = seconds_of(length.steps, tempi, 4)
        assert length.steps >= 1 and length.hold_seconds >= 0
        assert length.steps == 1 or lasting + length.hold_seconds < seconds
        # No more than a beat is held.
        assert lasting + length.hold_seconds + FADE_SECONDS >= seconds and length.hold_seconds <= 3.01


def test_figures_of_voices(desk, evaluate):
    code, out, _ = evaluate(desk / "voices.npz", "--model", "tiny", "--json")
    figures = json.loads(out)
    assert code == 0 and {"nll", "accuracy", "steps"} <= figures.keys()
    assert (figures["model"], figures["examples"], figures["steps"], figures["rtf"]) == ("tiny", 2, 58, None)
    assert figures["nll"] > 0 and 0 <= figures["accuracy"] <= 1


def test_figures_of_rolls(desk, evaluate):
    code, out, _ = evaluate(desk / "rolls.npz", "--model", "roll", "--json")
    figures = json.loads(out)
    # Nothing was learned: near the entropy of a fair choice of each next note.
    assert code == 0 and 5 < figures["nll"] < 60


def test_generated_pieces_beside_the_corpus(desk, evaluate):
    code, out, _ = evaluate(desk / "voices.npz", "--model", "tiny", "--generated", 3, "--json")
    figures = json.loads(out)
    assert code == 0 and figures["generated"] == 3
    for name in ("pitch_classes", "intervals", "harmonies", "durations"):
        assert 0 <= figures[f"{name}_distance"] <= 1
    for name in ("crossings", "parallel_fifths", "repetition", "cadences"):
        assert 0 <= figures[name] <= 1 and 0 <= figures[f"{name}_corpus"] <= 1
    for name in (
        "longest_note_soprano",
        "longest_note_bass",
        "longest_standstill",
        "longest_repeat",
        "silence",
    ):
        for where in ("", "_corpus"):
            lowest, middle, highest = figures[f"{name}_p1_p50_p99{where}"]
            assert 0 <= lowest <= middle <= highest
        assert 0 <= figures[f"{name}_outside"] <= 1


def test_files_that_do_not_fit_are_one_line(desk, evaluate, tmp_path):
    refused(evaluate(desk / "rolls.npz"), 1, "no network is known for a folder", "--model")
    refused(evaluate(desk / "rolls.npz", "--model", "tiny"), 1, "holds piano rolls")
    refused(evaluate(desk / "voices.npz", "--model", "roll"), 1, "reads piano rolls")
    refused(evaluate(desk / "voices.npz", "--model", "captions-en"), 1, "neither")
    refused(evaluate(tmp_path / "none.npz", "--model", "tiny"), 1, "No such file")
    refused(evaluate(desk / "voices.npz", "--model", "tiny", "--generated", 0), 2, "at least one")
    np.savez(tmp_path / "short.npz", lengths=[1, 1], pitches=np.full((2, 2), 60))
    refused(evaluate(tmp_path / "short.npz", "--model", "tiny"), 1, "no piece has a second step")
    refused(evaluate(desk / "voices.npz", "--mode", "offline"), 2, "music has no mode 'offline'")
