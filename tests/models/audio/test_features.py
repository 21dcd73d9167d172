"""Log-mel features against librosa, and resampling against soxr, scipy and pure tones."""

import librosa
import numpy as np
import pytest
import soxr
import torch
from scipy.signal import resample_poly

from streamer.models.audio.features import LOG_FLOOR, LogMel
from streamer.models.audio.mel import mel_filters
from streamer.models.audio.resample import RATES_HZ, Resample
from streamer.models.layers.stage import Chain

LIBROSA_TOLERANCE = 1e-4
RATE = 16000


def tone(rate_hz, hz, seconds=1.0):
    return np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def stage_output(stage, signal):
    return stage(torch.from_numpy(signal.astype(np.float32))[None, :, None])[0].numpy()


def decibel(x):
    return 20 * np.log10(np.abs(x).max())


@pytest.mark.parametrize("options", [(16000, 80, 512, 160), (8000, 40, 256, 80), (22050, 64, 1024, 256)])
def test_mel_filters_are_librosas(options):
    rate, n_mels, n_fft, _ = options
    wanted = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_allclose(mel_filters(rate, n_fft, n_mels), wanted, atol=1e-7)


@pytest.mark.parametrize("options", [(16000, 80, 512, 160), (8000, 40, 256, 80)])
@pytest.mark.parametrize("level", [1.0, 0.05, 1e-3])
def test_log_mel_is_librosas(options, level):
    rate, n_mels, n_fft, hop = options
    random = np.random.default_rng(1)
    signal = level * (0.5 * tone(rate, 440) + 0.1 * random.standard_normal(rate)).astype(np.float32)
    padded = np.concatenate([np.zeros(n_fft - hop, np.float32), signal])
    power = librosa.feature.melspectrogram(
        y=padded, sr=rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels, center=False
    )
    result = stage_output(LogMel(rate, n_mels, n_fft, hop), signal)
    np.testing.assert_allclose(result, np.log(power.T + LOG_FLOOR), atol=LIBROSA_TOLERANCE)


def test_log_mel_of_silence_is_the_floor():
    result = stage_output(LogMel(), np.zeros(1600))
    np.testing.assert_allclose(result, np.log(LOG_FLOOR), rtol=1e-6)


@pytest.mark.parametrize("rate", [r for r in RATES_HZ if r != RATE])
def test_tones_keep_their_place_and_height(rate):
    """Output m is the instant m / to_hz, within -80 dB, up to nine tenths of the band."""
    resample = Resample(rate, RATE)
    edge = slice(RATE // 20, -RATE // 20)
    for hz in (50, 1000, 0.85 * min(rate, RATE) / 2):
        result = stage_output(resample, tone(rate, hz))[:, 0]
        wanted = tone(RATE, hz)
        assert len(result) == len(wanted)
        assert decibel((result - wanted)[edge]) < -80


@pytest.mark.parametrize("rate", [r for r in RATES_HZ if r > RATE])
def test_what_is_above_the_band_is_gone(rate):
    resample = Resample(rate, RATE)
    edge = slice(RATE // 20, -RATE // 20)
    for hz in np.linspace(RATE / 2, 0.49 * rate, 9):
        assert decibel(stage_output(resample, tone(rate, hz))[edge]) < -80


@pytest.mark.parametrize("rate", [r for r in RATES_HZ if r < RATE])
def test_no_image_appears_above_the_old_band(rate):
    signal = tone(rate, 0.3 * rate)
    result = stage_output(Resample(rate, RATE), signal)[:, 0]
    spectrum = np.abs(np.fft.rfft(result[1600:-1600] * np.kaiser(len(result) - 3200, 16)))
    hz = np.fft.rfftfreq(len(result) - 3200, 1 / RATE)
    assert decibel(spectrum[hz > 0.5 * rate] / spectrum.max()) < -80


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_resampling_agrees_with_other_libraries(rate):
    random = np.random.default_rng(2)
    # Noise within the passband of all three: their filters differ above it.
    noise = random.standard_normal(rate)
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(rate, 1 / rate) > 0.3 * min(rate, RATE)] = 0
    signal = 0.1 * np.fft.irfft(spectrum, rate)
    result = stage_output(Resample(rate, RATE), signal)[:, 0]
    edge = slice(RATE // 20, -RATE // 20)
    assert decibel((result - soxr.resample(signal, rate, RATE, "VHQ"))[edge]) < -80
    divisor = np.gcd(rate, RATE)
    # scipy's default filter is short; 60 dB is as close as it comes.
    wanted = resample_poly(signal, RATE // divisor, rate // divisor, window=("kaiser", 9.0))
    assert decibel((result - wanted)[edge]) < -50


@pytest.mark.parametrize("rate", [r for r in RATES_HZ if r != RATE])
def test_features_of_any_rate_stand_where_those_of_16_khz_do(rate):
    """A chirp below 3 kHz gives the same frames, not frames shifted by part of a hop."""
    seconds = np.arange(2 * rate) / rate
    chirp = 0.5 * np.sin(2 * np.pi * (200 + 600 * seconds) * seconds)
    base = np.arange(2 * RATE) / RATE
    wanted = stage_output(LogMel(), 0.5 * np.sin(2 * np.pi * (200 + 600 * base) * base))
    result = stage_output(Chain(Resample(rate, RATE, 160), LogMel()), chirp)
    loud = wanted > wanted.max() - 7
    assert result.shape == wanted.shape
    assert np.abs(result - wanted)[5:-5][loud[5:-5]].max() < 0.02


def test_an_unsupported_rate_is_named():
    with pytest.raises(ValueError, match="44000 Hz is not a supported sample rate; use one of 8000"):
        Resample(44000, 16000)
