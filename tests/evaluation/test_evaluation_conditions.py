"""Conditions that recordings are heard under, what confidences mean, and how far times are off."""

import numpy as np
import pytest

from streamer.evaluation.alignment import right_words, time_errors
from streamer.evaluation.calibration import reliability
from streamer.evaluation.captions import Growth
from streamer.evaluation.conditions import CONDITIONS, SIMPLE, condition
from streamer.evaluation.recordings import Recording, SpokenWord, looped
from tests.evaluation.test_speech_sets import write_set

RATE_HZ = 16000


@pytest.fixture
def speech():
    random = np.random.default_rng(0)
    samples = 0.1 * random.standard_normal(2 * RATE_HZ) * np.repeat([1.0, 0.1, 1.0, 0.3], RATE_HZ // 2)
    return Recording("one", "a b", samples.astype(np.float32), RATE_HZ)


def rms_db(samples):
    return 20 * np.log10(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("name", SIMPLE)
def test_a_condition_changes_the_sound_alone_and_always_alike(speech, name):
    before = speech.samples.copy()
    heard, again = condition(name)(speech), condition(name)(speech)
    np.testing.assert_array_equal(heard.samples, again.samples)
    np.testing.assert_array_equal(speech.samples, before)
    assert (heard.key, heard.text, heard.seconds) == ("one", "a b", pytest.approx(2.0))
    assert heard.samples.dtype == np.float32 and np.abs(heard.samples).max() <= 1
    silence = Recording("none", "", np.zeros(800, np.float32), RATE_HZ)
    assert not condition(name)(silence).samples.any()


def test_levels_and_clipping(speech):
    assert rms_db(condition("quiet")(speech).samples) == pytest.approx(-40, abs=0.1)
    assert np.abs(condition("loud")(speech).samples).max() == pytest.approx(1, abs=1e-4)
    clipped = np.abs(condition("clipped")(speech).samples)
    assert 0.01 < (clipped > 0.999).mean() < 0.5


def test_a_telephone_keeps_its_band(speech):
    heard = condition("telephone")(speech)
    spectrum = np.abs(np.fft.rfft(heard.samples)) ** 2
    hz = np.fft.rfftfreq(len(heard.samples), 1 / heard.rate_hz)
    assert heard.rate_hz == 8000
    assert spectrum[(hz > 300) & (hz < 3400)].sum() > 0.95 * spectrum.sum()


@pytest.mark.parametrize("name", ["noise", "hum50", "hum60"])
def test_what_is_added_lies_ten_decibels_below(speech, tmp_path, name):
    noises = write_set(tmp_path / "noise", ["", ""]) if name == "noise" else None
    heard = condition(name, noises)(speech)
    assert rms_db(speech.samples) - rms_db(heard.samples - speech.samples) == pytest.approx(10, abs=0.2)


def test_conditions_that_make_no_sense(tmp_path):
    assert "noise" in CONDITIONS
    for name, noises in (("noise", None), ("clean", tmp_path), ("windy", None)):
        with pytest.raises(ValueError, match="noise"):
            condition(name, noises)


def test_reliability_of_confidences():
    assert right_words(["a", "b", "c"], ["a", "x", "c", "d"]) == [True, False, True, False]
    assert right_words([], ["a"]) == [False]
    result = reliability([0.9, 0.9, 0.91, 0.93, 0.2], [True, True, True, False, False])
    assert result.table == [[0.2, 0.0, 1], [0.91, 0.75, 4]]
    assert result.error == pytest.approx((0.2 + 4 * 0.16) / 5)
    assert reliability([], []).error is None


def test_times_are_compared_for_words_that_were_found():
    spoken = [SpokenWord("a", 0.0, 0.4), SpokenWord("b", 0.5, 0.9), SpokenWord("a", 5.0, 5.2)]
    recognised = [SpokenWord("a", 0.1, 0.4), SpokenWord("c", 0.5, 0.9), SpokenWord("a", 9.0, 9.2)]
    assert time_errors(spoken, recognised) == pytest.approx([0.1, 0.0])


def test_a_set_is_repeated_until_it_is_long_enough(speech):
    assert [repeat.key for repeat in looped([speech] * 2, minutes=0.2, silence_seconds=0.0)] == ["one"] * 6
    assert len(looped([speech] * 9, minutes=0.1, silence_seconds=0.0)) == 9


def test_memory_is_looked_at_once_a_minute():
    growth = Growth()
    growth(59.0)
    assert growth.percent is None
    for second in range(60, 200):
        growth(float(second))
    assert growth.before > 1e6 and abs(growth.percent) < 5
