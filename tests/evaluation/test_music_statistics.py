"""What is counted in pieces, on pieces that can be counted by hand."""

import numpy as np
import pytest

from streamer.evaluation.music_statistics import distance, judge, runs
from streamer.models.music.folk import NUMBERS, tune
from streamer.models.music.scores import LOWEST_KEY

CADENCE = np.repeat([[72, 67, 64, 48], [71, 67, 62, 43], [72, 67, 64, 48]], 4, axis=0)


def test_a_plain_cadence():
    statistics = judge([CADENCE])
    assert (
        statistics.rates["cadences"],
        statistics.rates["crossings"],
        statistics.rates["parallel_fifths"],
        statistics.rates["repetition"],
    ) == (1, 0, 0, 0)
    assert statistics.histograms["durations"] == pytest.approx({4: 9 / 10, 12: 1 / 10})
    assert statistics.histograms["pitch_classes"] == pytest.approx(
        {0: 1 / 3, 2: 1 / 12, 4: 1 / 6, 7: 1 / 3, 11: 1 / 12}
    )
    assert statistics.histograms["intervals"][-1] == statistics.histograms["intervals"][1] > 0
    assert statistics.histograms["harmonies"] == pytest.approx({0: 2 / 3, 4: 1 / 3})


def test_crossings_and_parallel_fifths_are_found():
    crossed = CADENCE.copy()
    crossed[:4, 1] = 74
    assert judge([crossed]).rates["crossings"] == pytest.approx(4 / 12)
    parallel = np.array([[67, 60], [69, 62], [71, 64], [67, 60]])
    assert judge([parallel]).rates["parallel_fifths"] == 1
    # Contrary motion from fifth to twelfth, and a fifth that is only held, are none.
    assert judge([np.array([[67, 60], [74, 55]])]).rates["parallel_fifths"] == 0
    assert judge([np.array([[67, 60], [67, 60]])]).rates["parallel_fifths"] == 0


def test_repetition_counts_bars():
    bar = np.arange(60, 76)[:, None]
    assert judge([np.concatenate([bar, bar + 1, bar, bar])]).rates["repetition"] == 0.5


def test_no_cadence_without_a_dominant_or_a_triad():
    assert judge([CADENCE[8:]]).rates["cadences"] == 0
    open_fifth = CADENCE.copy()
    open_fifth[8:, 2] = 60
    assert judge([open_fifth]).rates["cadences"] == 0


def test_silence_and_nothing():
    assert judge([np.zeros((5, 4), int)]).rates["cadences"] == 0
    assert runs([0, 0, 60, 60, 0, 60]) == [(60, 2), (60, 1)]
    assert distance({1: 1.0}, {2: 1.0}) == 1 and distance({1: 0.5, 2: 0.5}, {1: 1.0}) == 0.5


def test_a_tune_is_a_melody_and_a_chord():
    def step(*notes):
        row = np.zeros(88, np.uint8)
        row[[note - LOWEST_KEY for note in notes]] = 1
        return row

    roll = np.stack([step(60, 64, 67, 76), step(60, 64, 67), step(76), step(60, 64, 67, 69, 79), step()])
    c_major = NUMBERS[(60, 64, 67)]
    assert tune(roll).tolist() == [[24, c_major], [0, c_major], [24, 0], [27, c_major], [0, 0]]
