"""Training of music: a stopped run goes on as if it hadn't been; the loss is the score that is reported."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from streamer.models.bundle.build import build_network
from streamer.models.music.metre import Metre
from streamer.models.music.scores import Rolls
from streamer.models.training.music import music_trainer as music
from streamer.models.training.music.rolls import RollStudy, nll
from streamer.models.training.music.voices import Drawing, VoiceStudy, last_chord, longest_runs, predict

SMALL = {
    "roll-jsb": dict(hidden_size=8, depth=1, inner_size=8, dropout=0.2),
    "chorale": music.CHORALE | dict(hidden_size=8, depth=1, inner_size=6, dropout=0.2),
    "folk": music.FOLK | dict(hidden_size=8, depth=1, inner_size=6, dropout=0.2),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(4)
    for name in ("jsb_chorales", "nottingham", "jsb_satb_16th"):
        (folder / "music" / name).mkdir(parents=True)
        for split in ("train", "valid"):
            lengths = [30, 50, 41]
            if name == "jsb_satb_16th":
                arrays = {"pitches": random.integers([60, 53, 48, 40], [75, 67, 62, 55], (sum(lengths), 4))}
            else:
                arrays = {"roll_packed": np.packbits(random.random((sum(lengths), 88)) < 0.04, axis=1)}
            np.savez(folder / "music" / name / f"{split}.npz", lengths=lengths, **arrays)
    return folder


@pytest.mark.parametrize("style", SMALL)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(style, data, tmp_path, monkeypatch):
    recipe = replace(music.RECIPES[style], options=SMALL[style], check_every=2, updates=4)
    monkeypatch.setitem(music.RECIPES, style, recipe)
    lines: list[str] = []
    whole = music.train_music(data, tmp_path / "whole", style, progress=lines.append)
    assert lines[-1].startswith(f"{style} 4/4")
    # The rate of learning depends on the count of updates, so the first run must be after the same one.
    monkeypatch.setattr(music, "_update", stop_after(2, music._update))
    with pytest.raises(KeyboardInterrupt):
        music.train_music(data, tmp_path / "cut", style, progress=lines.append)
    monkeypatch.undo()
    monkeypatch.setitem(music.RECIPES, style, recipe)
    cut = music.train_music(data, tmp_path / "cut", style, progress=lines.append)
    assert "resumed after 2 updates" in lines
    for name, value in load_file(whole).items():
        torch.testing.assert_close(load_file(cut)[name], value, atol=1e-3, rtol=1e-3)


def test_a_composer_goes_on_from_given_weights_with_endings(data, tmp_path, monkeypatch):
    monkeypatch.setitem(
        music.RECIPES,
        "chorale",
        replace(music.RECIPES["chorale"], options=SMALL["chorale"], check_every=2, updates=2),
    )
    weights = music.train_music(data, tmp_path / "a", "chorale", learning_rate=0.01)
    more = music.train_music(data, tmp_path / "b", "chorale", learning_rate=1e-4, start=weights, endings=3)
    moved = [(load_file(more)[name] - value).abs().max() for name, value in load_file(weights).items()]
    assert 0 < max(moved) < 1e-2
    with pytest.raises(ValueError, match="only a composer learns endings"):
        music.train_music(data, tmp_path / "c", "roll-jsb", endings=3)


def test_an_ending_is_told_how_far_the_end_is():
    pieces = [np.full((200, 4), 3), np.full((30, 4), 3)]
    metres = [Metre(16, 0)] * 2
    study = VoiceStudy(pieces, pieces, Drawing([True] * 4, metres, rows=1, crop=40, moved=True))
    for seed in range(20):
        symbols, start, end = study._ending(np.random.default_rng(seed))
        assert start + len(symbols) == end and end in (30, 200) and len(symbols) <= 112 + 15


def stop_after(count, update):
    """`update`, interrupted when it is called once more than `count` times."""
    calls = iter(range(count))

    def counted(*arguments):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return update(*arguments)

    return counted


def test_training_lowers_what_is_scored():
    pieces = [np.tile(np.eye(88, dtype=np.uint8)[[40, 44, 47, 52]], (8, 1)) for _ in range(4)]
    study = RollStudy(Rolls(pieces), Rolls(pieces), rows=4, crop=24, moved=0.0)
    torch.manual_seed(0)
    network = build_network("roll_density", dict(hidden_size=12, depth=1, inner_size=12))
    before, random = nll(network, pieces), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        study.loss(network, random).backward()
        optimizer.step()
    assert nll(network, pieces) < 0.1 * before


def test_the_two_ways_to_a_likelihood_agree():
    torch.manual_seed(0)
    network = build_network("roll_density", dict(hidden_size=12, depth=1, inner_size=12)).eval()
    keys = (torch.rand(3, 20, 88) < 0.05).float()
    likelihoods, _ = network.step(keys, network.initial_state(3))
    torch.testing.assert_close(network.log_probability(keys), likelihoods.sum(-1), atol=1e-4, rtol=1e-4)


def test_moved_pieces_keep_to_the_voices_ranges():
    random = np.random.default_rng(0)
    train = [random.integers(10, 20, (40, 2)) + np.array([10, 0]) for _ in range(5)]
    drawing = Drawing([True, False], [Metre(16, 0)] * 5, rows=2, crop=32, moved=True)
    study = VoiceStudy(train, train, drawing)
    low, high = np.concatenate(train).min(0), np.concatenate(train).max(0)
    for _ in range(50):
        piece, start, end = study._drawn(random)
        assert (piece >= low).all() and (piece <= high).all()
        assert start % 16 == 0 and end in (0, 40) and len(piece) <= 32


def test_a_piece_is_followed_by_another_one_in_its_metre_and_key():
    first = np.stack([np.full(100, 30), np.r_[np.full(96, 12), np.full(4, 5)]], axis=1)
    other = np.stack([np.arange(100) + 40, np.full(100, 10)], axis=1)
    drawing = Drawing([True, True], [Metre(8, 0), Metre(8, 2)], rows=1, crop=80, moved=True)
    study = VoiceStudy([first, other], [first], drawing)
    study.low, study.high = np.array([1, 1]), np.array([200, 40])
    seen = 0
    for seed in range(40):
        symbols, start, end = study._joined(np.random.default_rng(seed))
        joint = 100 - start
        assert end == 0 and start % 16 == 0 and len(symbols) == 80
        # The bass ended on 5, and the other's last note, 10, moves there; its bars go on.
        if symbols[0, 0] - symbols[0, 1] in (18, 25) and symbols[joint, 0] != symbols[joint - 1, 0]:
            moved = symbols[joint - 1, 1]
            assert (symbols[joint:, 1] == moved).all()
            assert symbols[joint, 0] - moved == 40 + (100 + 2) % 8 - 10
            seen += 1
    assert seen > 5


def test_the_longest_notes_and_the_longest_rests_between_notes():
    piece = np.array([0] * 50 + [3] * 7 + [0] * 4 + [5] * 2 + [0] * 9)[:, None]
    assert longest_runs([piece, piece]) == ([7], [4])
    assert last_chord([piece] * 9 + [np.tile([[1], [2]], (20, 1))]) == 2
    # One of more than a thousand is beyond the 99.9th percentile.
    assert longest_runs([piece, np.tile([[1], [1], [2], [2]], (1000, 1))]) == ([2], [4])


def test_an_untrained_composer_knows_nothing():
    network = build_network("composer", SMALL["chorale"]).eval()
    prediction = predict(network, [np.random.default_rng(1).integers(0, 53, (30, 4))])
    assert prediction.steps == 29 and 13 < prediction.nll < 20 and prediction.accuracy < 0.2
