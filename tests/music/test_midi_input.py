"""MIDI in: what players take is read, with its time and key; anything else is one clear line."""

import random

import mido
import pytest

from streamer.music.midi_events import MOST_BYTES
from streamer.music.midi_input import MOST_STEPS, Melody, read_melody
from streamer.music.prompts import read_prompt
from streamer.music.signatures import Key, Time

HEAD = b"MThd\0\0\0\6\0\1\0\1\1\xe0"
SCALE = b"".join(b"\0\x90%c\x50\x83\x60\x80%c\0" % (note, note) for note in (60, 62, 64, 65))
END = b"\0\xff\x2f\0"


def track(events):
    return b"MTrk" + len(events).to_bytes(4, "big") + events


@pytest.fixture
def melody(tmp_path):
    def read(content: bytes, steps_per_beat: int = 4) -> Melody:
        (tmp_path / "a.mid").write_bytes(content)
        return read_melody(tmp_path / "a.mid", steps_per_beat)

    return read


@pytest.fixture
def written(tmp_path):
    """The melody of messages of one track, 480 ticks a beat."""

    def read(*messages, steps_per_beat=4):
        mido.MidiFile(tracks=[mido.MidiTrack(messages)], ticks_per_beat=480).save(tmp_path / "a.mid")
        return read_melody(tmp_path / "a.mid", steps_per_beat)

    return read


def note(pitch, length, rest=0):
    return (
        mido.Message("note_on", note=pitch, velocity=64, time=rest),
        mido.Message("note_off", note=pitch, time=length),
    )


def four_notes(each=4):
    return [pitch for pitch in (60, 62, 64, 65) for _ in range(each)]


def riff(content):
    chunks = b"RMID" + b"INFO\3\0\0\0abc\0" + b"data" + len(content).to_bytes(4, "little") + content
    return b"RIFF" + len(chunks).to_bytes(4, "little") + chunks


@pytest.mark.parametrize(
    "content",
    [
        HEAD + track(SCALE + END),
        riff(HEAD + track(SCALE + END)),
        b"MThd\0\0\0\10" + HEAD[8:] + b"\0\0" + track(SCALE + END),
        HEAD + b"XFIH\0\0\0\3abc" + track(SCALE + END),
        HEAD + track(SCALE + END + b"what comes after the end") + b"xyz",
        HEAD + track(SCALE),
        HEAD[:11] + b"\7" + HEAD[12:] + track(SCALE + END),
        HEAD + track(SCALE.replace(b"\x50", b"\xff") + END),
        HEAD + track(b"\0\xff\x59\2\10\0" + SCALE + END),
        HEAD + track(b"\0\xff\x59\1\1" + SCALE + END),
        HEAD + track(b"\0\xff\x51\1\7" + b"\0\xff\x51\3\0\0\0" + SCALE + END),
        HEAD + track(b"\0\xff\x58\4\0\2\x18\10" + b"\0\xff\x58\4\4\xff\x18\10" + SCALE + END),
        HEAD + track(b"\0\xff\x54\5\xff\xff\xff\xff\xff" + b"\0\xff\0\1\1" + SCALE + END),
        HEAD + track(b"\0\xf0\3\x7e\x7f\xf7" + b"\0\xf8" + b"\0\xf3\1" + b"\0\xc0\5" + SCALE + END),
        HEAD
        + track(SCALE.replace(b"\0\x90\x3e", b"\0\x90\x3e", 1) + b"\0\x99\x63\x50\x83\x60\x89\x63\0" + END),
    ],
)
def test_what_players_take_is_read(melody, content):
    assert melody(content).notes == four_notes()


def test_running_status_goes_on_after_a_meta_event(melody):
    events = b"\0\x90\x3c\x50\x83\x60\x3c\0\0\xff\1\2hi\0\x3e\x50\x83\x60\x3e\0" + END
    assert melody(HEAD + track(events)).notes == [60] * 4 + [62] * 4


@pytest.mark.parametrize(
    "content,reason",
    [
        (b"", "it is empty"),
        (b"MThd", "it ends too soon"),
        (b"RIFF1234WAVE", "begin with MThd"),
        (b"RIFF\4\0\0\0RMID", "it ends too soon"),
        (b"RIFF\x10\0\0\0RMIDLIST\0\0\0\0", "without MIDI in it"),
        (HEAD, "it has no track"),
        (HEAD + b"MTrk\0\0\0\x40" + SCALE, "it ends too soon"),
        (HEAD + track(SCALE[:-2]), "beyond the end of its track"),
        (HEAD + track(b"\0\x3c\x50"), "an event has no status"),
        (HEAD + track(b"\xff\xff\xff\xff\x7f"), "more than four bytes"),
        (HEAD[:9] + b"\2" + HEAD[10:] + track(SCALE), "no common time in beats"),
        (HEAD[:12] + b"\0\0" + track(SCALE), "time division is 0x0000"),
        (HEAD[:12] + b"\xe5\x28" + track(SCALE), "24, 25, 29 or 30"),
        (HEAD + track(END), "holds no notes"),
        (HEAD + track(b"\0\x90\x3c\x50\xff\xff\xff\x7f\x80\x3c\0"), "is longer than"),
        (bytes(range(256)) * 9, "begin with MThd"),
        (HEAD + bytes(MOST_BYTES), "is larger than 4 MiB"),
    ],
)
def test_what_is_no_midi_is_one_line(melody, tmp_path, content, reason):
    with pytest.raises(ValueError) as error:
        melody(content)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'a.mid'}: ") and reason in message and "\n" not in message
    with pytest.raises(ValueError, match="No such file"):
        read_prompt(str(tmp_path / "none.mid"), 4)


def test_a_note_that_is_played_again_is_struck_again(written):
    again = written(*note(60, 240), *note(60, 240), *note(62, 480), *note(62, 240, rest=240))
    assert again.notes == [60] * 4 + [62] * 4 + [0] * 2 + [62] * 2
    assert again.struck == {2}
    # A second voice an octave below strikes nothing in the first one.
    low = [mido.Message("note_on", note=48, time=0), *note(60, 480), mido.Message("note_off", note=48)]
    assert written(*low).struck == frozenset()


def test_the_tempo_of_the_file_is_kept_and_its_changes(written):
    def tempo(beats, time=0):
        return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats), time=time)

    assert written(*note(60, 960)).tempi == {0: 120.0}
    changed = written(tempo(90), *note(60, 960), tempo(45), *note(62, 480))
    assert changed.tempi == {0: pytest.approx(90), 8: pytest.approx(45)}
    # What came before the first note is in force at it.
    assert written(tempo(90), tempo(60, time=480), *note(60, 480)).tempi == {0: pytest.approx(60)}


@pytest.mark.parametrize("division,per_second", [(b"\xe7\x28", 1000), (b"\xe2\x50", 2400), (b"\xe8\x01", 24)])
def test_smpte_is_read_in_its_own_time(melody, division, per_second):
    def delta(seconds):
        ticks = round(seconds * per_second)
        return bytes([0x80 | ticks >> 7, ticks & 0x7F])

    played = b"".join(b"\0\x90%c\x50" % n + delta(0.5) + b"\x80%c\0" % n for n in (60, 62, 64, 65))
    tempo = b"\0\xff\x51\3\1\0\0"  # of another time, and so of none
    heard = melody(HEAD[:12] + division + track(tempo + played))
    assert (heard.notes, heard.tempi) == (four_notes(), {0: 120.0})


def time(beats, beat_type, at=0):
    return mido.MetaMessage("time_signature", numerator=beats, denominator=beat_type, time=at)


@pytest.mark.parametrize(
    "messages,upbeat,times",
    [
        ((*note(60, 480),), 0, {}),
        ((time(3, 4), *note(60, 480)), 0, {0: Time(3, 4)}),
        # After a rest in the first bar, and as a bar of its own.
        ((time(3, 4), *note(60, 480, rest=960), *note(62, 480)), 4, {0: Time(3, 4)}),
        ((time(1, 4), *note(60, 480), time(4, 4), *note(62, 480)), 4, {0: Time(4, 4)}),
        ((time(4, 4), *note(60, 1920), time(6, 8), *note(62, 1440)), 0, {0: Time(4, 4), 16: Time(6, 8)}),
        ((time(4, 4), *note(60, 480, rest=1920)), 0, {0: Time(4, 4)}),
        # Bars that no steps fill are passed over.
        ((time(7, 32), *note(60, 480)), 0, {}),
    ],
)
def test_times_and_upbeats(written, messages, upbeat, times):
    read = written(*messages)
    assert (read.upbeat, read.times) == (upbeat, times)


def test_keys(written):
    keys = [mido.MetaMessage("key_signature", key=key) for key in ("Bb", "F#m")]
    assert written(keys[0], *note(60, 480), keys[1], *note(62, 480)).keys == {
        0: Key(-2, False),
        4: Key(3, True),
    }
    assert written(*note(60, 480)).keys == {}


def test_no_mutation_breaks_the_reader(melody):
    drawn = random.Random(5)
    meta = b"\0\xff\x51\3\7\xa1\x20\0\xff\x58\4\3\2\x18\10\0\xff\x59\2\xfe\1"
    whole = HEAD + track(meta + SCALE * 3 + END)
    read = 0
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(drawn.randint(1, 6)):
            place, kind = drawn.randrange(len(content)), drawn.randrange(4)
            if kind == 0:
                content[place] = drawn.randrange(256)
            elif kind == 1:
                del content[place : place + drawn.randint(1, 5)]
            elif kind == 2:
                content[place:place] = drawn.randbytes(drawn.randint(1, 5))
            else:
                content = content[: max(20, place)]
        try:
            found = melody(bytes(content), drawn.choice((2, 3, 4)))
        except ValueError as error:
            assert "\n" not in str(error)
        else:
            read += 1
            assert 0 < len(found.notes) <= MOST_STEPS and found.tempi[0] > 0 and found.upbeat >= 0
    assert read > 100
