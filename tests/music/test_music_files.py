"""Music from and to files: prompts, MIDI, MusicXML, sound; nothing half-written after an error."""

import resource
from dataclasses import replace
from xml.etree import ElementTree as ET

import mido
import numpy as np
import pytest
import soundfile

from streamer.models.music.scores import Rolls, Voices, read_scores
from streamer.music.midi_input import read_melody
from streamer.music.midi_output import write_midi
from streamer.music.musicxml import write_musicxml
from streamer.music.piece import Note, Piece
from streamer.music.prompts import read_prompt
from streamer.music.terminal_roll import drawn
from streamer.music.writing import SoundFile
from streamer.output_file import replacing

PIECE = Piece(
    ["melody", "chords"],
    [1, 3],
    4,
    90.0,
    [(72, 60, 64, 67)] * 5 + [(74, 60, 64, 67)] * 11 + [(0, 55, 59, 0)] * 3 + [(71, 55, 59, 62)] * 7,
)


def test_equal_neighbours_are_one_note():
    notes = list(PIECE.notes())
    assert notes[:3] == [Note(0, 72, 0, 5), Note(0, 74, 5, 16), Note(0, 71, 19, 26)]
    assert Note(1, 60, 0, 16) in notes and Note(1, 62, 19, 26) in notes


def test_midi_comes_back(tmp_path):
    write_midi(PIECE, tmp_path / "a.mid")
    melody = read_melody(tmp_path / "a.mid", 4).notes
    assert melody == [72] * 5 + [74] * 11 + [59] * 3 + [71] * 7
    assert read_melody(tmp_path / "a.mid", 2).notes[:3] == [72, 72, 74]
    file = mido.MidiFile(tmp_path / "a.mid")
    assert [track.name for track in file.tracks[1:]] == ["melody", "chords"]
    assert file.length == pytest.approx(26 / 4 * 60 / 90, rel=1e-3)
    write_midi(replace(PIECE, steps=[*PIECE.steps, (0,) * 4, (0,) * 4]), tmp_path / "b.mid")
    assert mido.MidiFile(tmp_path / "b.mid").length == pytest.approx(28 / 4 * 60 / 90, rel=1e-3)


def test_musicxml_holds_every_step_of_every_part(tmp_path):
    write_musicxml(PIECE, tmp_path / "a.musicxml")
    score = ET.parse(tmp_path / "a.musicxml").getroot()
    assert [name.text for name in score.iter("part-name")] == ["melody", "chords"]
    for part in score.findall("part"):
        notes = [n for n in part.iter("note") if n.find("chord") is None]
        assert sum(int(n.findtext("duration")) for n in notes) == 32  # the last measure is filled with rests
        assert [m.get("number") for m in part.findall("measure")] == ["1", "2"]
        assert part.find("measure[last()]/barline/bar-style").text == "light-heavy"
    lengths = {n.findtext("type") for n in score.iter("note")}
    assert lengths <= {"whole", "half", "quarter", "eighth", "16th"}
    starts = len([t for t in score.iter("tie") if t.get("type") == "start"])
    assert starts and starts == len([t for t in score.iter("tie") if t.get("type") == "stop"])


def test_a_tempo_that_changed_is_written(tmp_path):
    piece = Piece(["melody"], [1], 4, 120.0)
    for step in range(40):
        piece.add((60,), 120.0 if step < 18 else 60.0)
    write_midi(piece, tmp_path / "a.mid")
    assert mido.MidiFile(tmp_path / "a.mid").length == pytest.approx(18 / 8 + 22 / 4, rel=1e-3)
    write_musicxml(piece, tmp_path / "a.musicxml")
    # MusicXML 4.0: a sound stands in a measure by itself, or in a direction after its type.
    score = ET.parse(tmp_path / "a.musicxml")
    tempos = [
        (m.get("number"), s.get("tempo"), s.findtext("offset"))
        for m in score.iter("measure")
        for s in m.findall("sound")
    ]
    assert tempos == [("1", "120", None), ("2", "60", "2")]


@pytest.mark.parametrize(
    "text,seed,melody",
    [
        ("", None, []),
        ("42", 42, []),
        ("-1", 2**62 - 1, []),
        ("C4 R F#4", None, [60, 60, 0, 0, 66, 66]),
        ("Bb3", None, [58, 58]),
    ],
)
def test_prompts(text, seed, melody):
    prompt = read_prompt(text, 2)
    assert (prompt.seed, prompt.melody.notes) == (seed, melody)


def test_a_text_is_hashed_and_always_alike():
    prompt, other = read_prompt("spring rain", 4), read_prompt("Spring rain", 4)
    assert prompt == read_prompt("spring rain", 4) and prompt.seed != other.seed
    assert 0 <= prompt.seed < 2**62
    for text in ("of many words " * 100, "²", "--5", "a\0b"):
        assert read_prompt(text, 4).seed is not None and not read_prompt(text, 4).melody.notes


def test_a_device_that_is_full_is_one_line(tmp_path):
    for name in ("a.wav", "a.flac", "a.ogg"):
        (tmp_path / name).symlink_to("/dev/full")
        with pytest.raises(OSError, match="can't be written"):
            file = SoundFile(tmp_path / name, 48000)
            file.write(np.random.default_rng(1).uniform(-0.5, 0.5, (48000, 2)).astype(np.float32))
            file.close()


def test_a_note_that_is_spelled_twice_is_struck_twice():
    melody = read_prompt("C4 C4 R R C4", 2).melody
    assert melody.notes == [60, 60, 60, 60, 0, 0, 0, 0, 60, 60] and melody.struck == {2}


def test_sound_is_whole_or_not_there(tmp_path):
    path = tmp_path / "a.flac"
    with replacing(path) as partial:
        file = SoundFile(partial, 48000)
        file.write(np.full((480, 2), 0.5, np.float32))
        file.close()
    samples, rate = soundfile.read(path)
    assert (samples.shape, rate) == ((480, 2), 48000)
    assert path.stat().st_mode & 0o444 == 0o444


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="is the disk full"), replacing(tmp_path / "a.wav") as partial:
            SoundFile(partial, 48000).write(np.zeros((48000, 2), np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_roll_on_the_terminal():
    assert drawn([(0,), (60,), (61,), (60, 61)], 10) == ["  C4  ▄▀█"]
    assert drawn([(0, 0)], 10) == []
    assert all(len(line) <= 5 + 20 for line in drawn(PIECE.steps, 20))


def test_scores_of_both_kinds(tmp_path):
    path = tmp_path / "valid.npz"
    roll = np.random.default_rng(1).random((9, 88)) < 0.1
    np.savez(path, lengths=[4, 5], roll_packed=np.packbits(roll, axis=1))
    scores = read_scores(path)
    assert isinstance(scores, Rolls) and [len(piece) for piece in scores.pieces] == [4, 5]
    assert np.array_equal(np.concatenate(scores.pieces), roll)
    np.savez(path, lengths=[2], pitches=np.array([[60, -1], [62, 40]], np.int16))
    scores = read_scores(path)
    assert isinstance(scores, Voices) and scores.pieces[0].tolist() == [[60, -1], [62, 40]]


@pytest.mark.parametrize(
    "arrays,part",
    [
        ({}, "lengths must be"),
        ({"lengths": [0]}, "lengths must be"),
        ({"lengths": np.zeros(0, int)}, "holds no piece"),
        ({"lengths": [3]}, "neither pitches nor roll_packed"),
        ({"lengths": [3], "pitches": np.zeros((2, 4), int)}, "2 steps and lengths sum to 3"),
        ({"lengths": [2**63 - 1, 2**63 - 1, 4], "pitches": np.zeros((2, 4), int)}, f"sum to {2**64 + 2}"),
        ({"lengths": [2], "pitches": np.full((2, 4), 500)}, "from -1 to 127"),
        ({"lengths": [2], "pitches": np.zeros((2, 4))}, "whole numbers"),
        ({"lengths": [2], "roll_packed": np.zeros((2, 88), np.uint8)}, r"\[steps, 11\]"),
        ({"lengths": np.array([None]), "pitches": np.zeros((2, 4), int)}, "not an npz"),
    ],
)
def test_a_wrong_score_is_one_line(tmp_path, arrays, part):
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=part):
        read_scores(path)


def test_what_is_no_npz_is_one_line(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(ValueError, match="No such file"):
        read_scores(path)
    for content in (b"", b"PK\3\4half", b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not an npz"):
            read_scores(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="not an npz"):
        read_scores(path)
