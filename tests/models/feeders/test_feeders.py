"""Feeders: payloads to samples."""

import numpy as np
import pytest

from streamer.models.feeders.audio import AudioFeeder, AudioFormat, audio_format


def test_sixteen_bits():
    payload = np.array([0, 16384, -32768, 32767], "<i2").tobytes()
    steps = AudioFeeder(AudioFormat("s16", 16000)).steps(payload)
    assert steps.dtype == np.float32 and steps.shape == (4, 1)
    np.testing.assert_array_equal(steps[:, 0], np.float32([0, 0.5, -1, 32767 / 32768]))


def test_channels_are_averaged():
    payload = np.array([[0.5, -0.5, 0.9], [1.0, 1.0, 1.0]], "<f4").tobytes()
    steps = AudioFeeder(AudioFormat("f32", 16000, 3)).steps(payload)
    np.testing.assert_allclose(steps[:, 0], [0.3, 1.0], rtol=1e-6)


def test_mulaw_is_g711():
    # ITU-T G.711, table 2a: codes and their values as 16-bit samples.
    values = {0x00: -32124, 0x0F: -16764, 0x7F: 0, 0x80: 32124, 0x8F: 16764, 0xFE: 8, 0xFF: 0}
    steps = AudioFeeder(AudioFormat("mulaw", 8000)).steps(bytes(values))
    np.testing.assert_array_equal(steps[:, 0] * 32768, list(values.values()))


@pytest.mark.parametrize(
    "encoding, channels, size", [("s16", 1, 3), ("s16", 2, 6), ("f32", 1, 5), ("mulaw", 3, 4)]
)
def test_half_a_sample_is_refused(encoding, channels, size):
    with pytest.raises(ValueError, match=f"{size} bytes are no whole number"):
        AudioFeeder(AudioFormat(encoding, 16000, channels)).steps(bytes(size))


def test_nothing_is_no_steps():
    for encoding in ("s16", "f32", "mulaw"):
        assert AudioFeeder(AudioFormat(encoding, 16000, 2)).steps(b"").shape == (0, 1)


def test_a_format_is_checked():
    assert audio_format({"encoding": "s16", "rate": 8000}, (8000,)) == AudioFormat("s16", 8000, 1)
    with pytest.raises(ValueError, match="^options.format.rate: 8000 Hz"):
        audio_format({"encoding": "s16", "rate": 8000}, (16000,))
