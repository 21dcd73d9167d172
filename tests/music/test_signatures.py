"""Keys and times: spelled, found in the notes, and written where the piece has its bar lines."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import mido
import numpy as np
import pytest

from streamer.models.music.metre import Metre, metre
from streamer.music.barring import Bar, bars, signed
from streamer.music.midi_input import read_melody
from streamer.music.midi_output import write_midi
from streamer.music.musicxml import write_musicxml
from streamer.music.piece import Piece, seconds_of
from streamer.music.signatures import Key, Time, key_named, key_of_notes, spelled

TONICS = {"C": 0, "Am": 9, "G": 7, "Em": 4, "Bb": 10, "Gm": 7, "F#m": 6, "Ab": 8}


@pytest.mark.parametrize(
    "name,key",
    [
        ("C", Key(0, False)),
        ("F#m", Key(3, True)),
        ("Bb", Key(-2, False)),
        ("B", Key(5, False)),
        ("Cm", Key(-3, True)),
        ("Gb", Key(-6, False)),
        ("D#m", Key(6, True)),
    ],
)
def test_keys_have_names(name, key):
    assert key_named(name) == key and key.name == name
    assert key_named("G#").name == "Ab"  # which has four flats and not eight sharps
    with pytest.raises(ValueError, match="is no key"):
        key_named("H")


@pytest.mark.parametrize("name", TONICS)
def test_the_key_is_found_in_the_notes(name):
    steps = (0, 2, 3, 5, 7, 8, 11) if name.endswith("m") else (0, 2, 4, 5, 7, 9, 11)
    sounding = np.zeros(12)
    for place, step in enumerate(steps):
        sounding[(TONICS[name] + step) % 12] = 4 if place in (0, 2, 4) else 2
    assert key_of_notes(sounding.tolist(), TONICS[name]).name == name
    assert key_of_notes([0.0] * 12, 0) == Key(0, False)


@pytest.mark.parametrize(
    "note,key,letters",
    [
        (70, "C", "Bb4"),
        (66, "C", "F#4"),
        (66, "Db", "Gb4"),
        (68, "Am", "G#4"),
        (63, "Em", "D#4"),
        (59, "Gb", "Cb4"),
        (60, "C#", "B#3"),
        (70, "G#m", "A#4"),
    ],
)
def test_notes_are_spelled_by_their_key(note, key, letters):
    letter, alter, octave = spelled(note, key_named(key))
    assert f"{letter}{'#' * alter}{'b' * -alter}{octave}" == letters


def test_bars_are_where_chords_change():
    assert metre([2, 8, 14, 26, 32], (8, 6)) == Metre(6, 2)
    assert metre([1, 9, 17, 25, 29], (8, 6)) == Metre(8, 1)
    assert metre([1, 7], (8, 6)) == Metre(8, 1) and metre([], (8, 6)) == Metre(8, 0)


CHORDS = [(48, 52, 55), (43, 47, 50), (48, 52, 55), (53, 57, 60), (43, 47, 50), (48, 52, 55)]


def tune(bar, onsets, upbeat=0):
    """A melody that begins notes at the `onsets` of each bar, over a chord a bar, two steps a beat."""
    steps = [(60, 0, 0, 0)] * upbeat
    for number, chord in enumerate(CHORDS):
        pitches = [72 + sum(step >= onset for onset in onsets) + number for step in range(bar)]
        steps += [(pitch, *chord) for pitch in pitches]
    return Piece(["melody", "chords"], [1, 3], 2, 100.0, steps)


@pytest.mark.parametrize(
    "bar,onsets,upbeat,time",
    [
        (8, (0, 2, 4, 6), 0, Time(4, 4)),
        (8, (0, 4), 3, Time(4, 4)),
        (6, (0, 2, 4), 2, Time(3, 4)),
        (6, (0, 2, 3, 5), 1, Time(6, 8)),
    ],
)
def test_a_tune_is_barred_by_its_chords(tmp_path, bar, onsets, upbeat, time):
    piece = signed(tune(bar, onsets, upbeat))
    assert (piece.times, piece.upbeat, piece.keys) == ({0: time}, upbeat, {0: Key(0, False)})
    whole = [Bar(upbeat + bar * number, upbeat + bar * (number + 1), time, False) for number in range(6)]
    assert bars(piece) == [Bar(0, upbeat, time, True)] * bool(upbeat) + whole
    # What is written comes back, the upbeat as a bar of its own.
    write_midi(piece, tmp_path / "a.mid")
    melody = read_melody(tmp_path / "a.mid", 2)
    assert (melody.times, melody.upbeat, melody.keys) == ({0: time}, upbeat, piece.keys)
    assert melody.notes == [step[0] for step in piece.steps]


def test_a_chorale_is_barred_by_its_cadences():
    moving = [(60 + step, 55, 50, 45) for step in range(4)]
    phrase = [note for note in moving for _ in range(4)] * 3 + [(60, 55, 52, 48)] * 8
    piece = signed(Piece(list("satb"), [1] * 4, 4, 80.0, [(65, 57, 50, 43)] * 4 + phrase[8:] + phrase[8:]))
    # Chords stand from 44 and 92 on: the third beat of a bar after an upbeat of a beat.
    assert (piece.times, piece.upbeat) == ({0: Time(4, 4)}, 4)


def test_midi_has_key_time_and_notes_struck_again(tmp_path):
    piece = Piece(
        ["melody"],
        [1],
        4,
        90.0,
        [(67,)] * 40,
        struck=frozenset({8, 16}),
        times={0: Time(3, 4), 28: Time(4, 4)},
        keys={0: Key(1, False), 28: Key(-3, True)},
        upbeat=4,
    )
    write_midi(piece, tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    metas, at = [], 0
    for message in file.tracks[0]:
        at += message.time
        if message.type == "time_signature":
            metas.append((at // 120, f"{message.numerator}/{message.denominator}"))
        elif message.type == "key_signature":
            metas.append((at // 120, message.key))
    assert metas == [(0, "1/4"), (0, "G"), (4, "3/4"), (28, "4/4"), (28, "Cm")]
    melody = read_melody(tmp_path / "a.mid", 4)
    assert (melody.struck, melody.upbeat) == ({8, 16}, 4)
    assert melody.times == piece.times and melody.keys == piece.keys
    assert file.length == pytest.approx(piece.seconds) == pytest.approx(10 * 60 / 90)


@pytest.mark.parametrize("steps_per_beat", [1, 3, 7, 48])
def test_any_number_of_steps_a_beat_keeps_the_time(tmp_path, steps_per_beat):
    piece = Piece(["melody"], [1], steps_per_beat, 60.0, [(60,)] * (steps_per_beat * 9), upbeat=1)
    piece.times = {0: Time(4, 4)}
    write_midi(piece, tmp_path / "a.mid")
    assert mido.MidiFile(tmp_path / "a.mid").length == pytest.approx(9.0)
    assert read_melody(tmp_path / "a.mid", steps_per_beat).notes == [60] * (steps_per_beat * 9)


def measures(path, part):
    score = ET.parse(path).getroot()
    return score.findall("part")[part].findall("measure")


def duration(measure):
    return sum(
        int(note.findtext("duration")) for note in measure.findall("note") if note.find("chord") is None
    )


def test_musicxml_has_whole_measures_signatures_and_chords(tmp_path):
    piece = replace(tune(6, (0, 2, 3, 5), upbeat=1), keys={0: Key(-1, False)})
    piece.steps = piece.steps[:-2]
    write_musicxml(piece, tmp_path / "a.musicxml")
    for part in (0, 1):
        own = measures(tmp_path / "a.musicxml", part)
        assert [duration(measure) for measure in own] == [1, 6, 6, 6, 6, 6, 6]
        assert [measure.get("number") for measure in own] == list("0123456")
        assert own[0].get("implicit") == "yes"
        attributes = own[0].find("attributes")
        assert [attributes.findtext(name) for name in ("key/fifths", "key/mode")] == ["-1", "major"]
        assert [attributes.findtext(name) for name in ("time/beats", "time/beat-type")] == ["6", "8"]
        assert [m.find("attributes") for m in own[1:]] == [None] * 6
        ends = [m.findtext("barline/bar-style") for m in own]
        assert ends == [None] * 6 + ["light-heavy"]
        assert own[-1].find("note[last()]/rest") is not None
    harmonies = [
        (m.findtext("harmony/root/root-step"), m.findtext("harmony/kind"))
        for m in measures(tmp_path / "a.musicxml", 1)
    ]
    major = [(root, "major") for root in "CGCFGC"]
    assert harmonies == [(None, None), *major]
    assert not ET.parse(tmp_path / "a.musicxml").findall("part[@id='P1']//harmony")


def test_a_note_struck_again_is_not_tied(tmp_path):
    piece = Piece(["melody"], [1], 4, 90.0, [(70,)] * 32, struck=frozenset({8}), times={0: Time(4, 4)})
    piece.keys = {0: Key(-2, False)}
    write_musicxml(piece, tmp_path / "a.musicxml")
    ties = [
        [tie.get("type") for tie in note.findall("tie")]
        for measure in measures(tmp_path / "a.musicxml", 0)
        for note in measure.findall("note")
    ]
    assert ties == [[], ["start"], ["stop"]]
    first = measures(tmp_path / "a.musicxml", 0)[0].find("note/pitch")
    assert [first.findtext(name) for name in ("step", "alter", "octave")] == ["B", "-1", "4"]


def test_how_long_steps_last_at_changing_tempi():
    tempi = {0: 120.0, 8: 60.0}
    assert seconds_of(8, tempi, 4) == pytest.approx(1.0) and seconds_of(12, tempi, 4) == pytest.approx(2.0)
    assert seconds_of(0, tempi, 4) == 0 and seconds_of(4, tempi, 4) == pytest.approx(0.5)
