"""Figures of single pieces: what stalls, rests or repeats is told apart from what doesn't."""

import numpy as np
import pytest

from streamer.evaluation.music_spread import figures_of_pieces, share_outside, spread

PHRASE = [60, 60, 62, 64, 65, 67, 65, 64]


def piece(melody, bass):
    return np.stack([melody, bass], axis=1)


def test_what_a_stalled_piece_shows():
    stalled = piece([*PHRASE, *[72] * 24], [*[48] * 4, *[43] * 28])
    moving = piece(PHRASE * 4, np.repeat([48, 43, 41, 45], 8))
    figures = figures_of_pieces([stalled, moving], ["soprano", "bass"])
    assert figures["longest_note_soprano"] == [24, 2] and figures["longest_note_bass"] == [28, 8]
    assert figures["longest_standstill"] == [24, 2]
    # The second half of the held note repeats the first; of the phrases two repeat two.
    assert figures["longest_repeat"] == [12, 16]
    assert figures["bars_repeated"] == [0.0, 0.5]


def test_silence_rests_and_crossings():
    figures = figures_of_pieces(
        [piece([60] * 4 + [0] * 6 + [64] * 10, [48] * 4 + [0] * 2 + [48] * 9 + [70] * 5)], ["soprano", "bass"]
    )
    assert figures["longest_rest"] == [6] and figures["melody_silence"] == [0.3]
    assert figures["silence"] == [0.1] and figures["crossings"] == [0.25]
    silent = figures_of_pieces([piece([0] * 8, [0] * 8)], ["soprano", "bass"])
    assert silent["silence"] == [1.0] and silent["longest_note_soprano"] == [0]


def test_a_share_lies_outside_of_the_percentiles_of_a_corpus():
    corpus = spread(range(101))
    assert corpus == [1.0, 50.0, 99.0]
    assert share_outside([0.5, 1, 50, 99, 99.5, 100, 7, 8, 9, 10], corpus) == pytest.approx(0.3)
