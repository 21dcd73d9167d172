"""The microphone, with a sound system of the test's own in place of PortAudio's."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from streamer.clients.microphone import (
    QUEUE_BLOCKS,
    Microphone,
    SilenceWatch,
    choose,
    level_dbfs,
    list_devices,
)

FINE = SimpleNamespace(input_overflow=False)
OVERFLOW = SimpleNamespace(input_overflow=True)


class PortAudioError(Exception):
    pass


class FakeInput:
    """Hands a block over whenever the test says so."""

    def __init__(self, samplerate, device, channels, dtype, blocksize, callback):
        if device == 3:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        assert (channels, dtype, blocksize) == (1, "int16", samplerate * 40 // 1000)
        self.hear, self.active = callback, False

    def start(self):
        self.active = True

    def close(self):
        self.active = False


def device(name, inputs, rate_hz):
    return {"name": name, "max_input_channels": inputs, "default_samplerate": float(rate_hz)}


@pytest.fixture
def sound(monkeypatch):
    devices = [
        device("Speakers", 0, 48000),
        device("Built-in Microphone", 2, 44100),
        device("USB Headset", 1, 48000),
        device("Studio", 1, 192000),
        device("Old", 1, 9600),
    ]
    fake = SimpleNamespace(
        query_devices=lambda: devices,
        default=SimpleNamespace(device=(2, 0)),
        PortAudioError=PortAudioError,
        RawInputStream=FakeInput,
        devices=devices,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_devices_that_hear_are_listed(sound):
    devices = list_devices()
    assert [d.number for d in devices] == [1, 2, 3, 4]
    assert [d.name for d in devices if d.default] == ["USB Headset"]
    assert "44100 Hz" in str(devices[0])


@pytest.mark.parametrize("wanted, number", [(None, 2), ("built", 1), ("1", 1), ("HEADSET", 2)])
def test_a_device_is_chosen_by_name_or_number(sound, wanted, number):
    assert choose(wanted).number == number


def test_a_device_that_is_not_there_is_one_line(sound):
    with pytest.raises(ValueError, match="no microphone 'kazoo'; `streamer devices`"):
        choose("kazoo")
    with pytest.raises(ValueError, match="empty name"):
        choose("")
    sound.devices.clear()
    with pytest.raises(ValueError, match="no microphone here"):
        choose(None)


@pytest.mark.parametrize("name, rate_hz", [("Built", 44100), ("USB", 48000), ("Old", 11025)])
def test_it_opens_at_its_own_rate_or_the_nearest(sound, name, rate_hz):
    with Microphone(choose(name)) as microphone:
        assert microphone.rate_hz == rate_hz
        assert microphone.format == {"encoding": "s16", "rate": rate_hz, "channels": 1}


def test_a_device_that_does_not_open_is_one_line(sound):
    with pytest.raises(OSError, match="Studio: Device unavailable"):
        Microphone(choose("Studio"))


def test_blocks_come_in_order_and_losses_are_told_in_seconds(sound):
    with Microphone(choose(None)) as microphone:
        for number in range(3):
            microphone._stream.hear(bytes([number, 0]), 1, None, OVERFLOW if number == 1 else FINE)
        assert list(microphone.blocks(0.0)) == [b"\0\0", b"\1\0", b"\2\0"]
        assert microphone.lost_s == pytest.approx(0.04)
        assert list(microphone.blocks(0.0)) == []


def test_iterating_gives_every_block_until_it_is_closed(sound):
    with Microphone("headset") as microphone:
        for number in range(3):
            microphone._stream.hear(bytes([number, 0]), 1, None, FINE)
        heard = []
        for block in microphone:
            heard.append(block)
            if len(heard) == 3:
                microphone.close()
        assert heard == [b"\0\0", b"\1\0", b"\2\0"]
        assert list(microphone) == []


def test_iterating_says_that_the_device_is_gone(sound):
    with Microphone() as microphone:
        microphone._stream.active = False
        with pytest.raises(OSError, match="USB Headset is gone"):
            next(iter(microphone))


def test_blocks_that_nobody_takes_are_counted(sound):
    with Microphone(choose(None)) as microphone:
        for _ in range(QUEUE_BLOCKS + 10):
            microphone._stream.hear(bytes(2), 1, None, FINE)
        assert microphone.lost_s == pytest.approx(0.4)


def test_a_device_that_goes_away_is_one_line(sound):
    with Microphone(choose(None)) as microphone:
        microphone._stream.active = False
        with pytest.raises(OSError, match="USB Headset is gone"):
            list(microphone.blocks(0.0))


def test_without_portaudio_the_line_says_what_to_install(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(OSError, match="apt install libportaudio2.*brew install portaudio") as refused:
        list_devices()
    assert "\n" not in str(refused.value)


def test_two_seconds_of_zeros_are_digital_silence():
    watch = SilenceWatch(1000)
    zeros, hum = bytes(80), np.full(40, 1, "<i2").tobytes()
    assert [watch.hear(zeros) for _ in range(51)] == [False] * 49 + [True] * 2
    assert not watch.hear(hum)
    assert not watch.hear(zeros)


def test_levels():
    assert level_dbfs(bytes(80)) == -np.inf
    assert level_dbfs(b"") == -np.inf
    assert level_dbfs(np.full(40, -32768, "<i2").tobytes()) == pytest.approx(0.0)
    assert level_dbfs(np.full(40, 3277, "<i2").tobytes()) == pytest.approx(-20.0, abs=0.01)
