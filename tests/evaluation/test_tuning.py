"""Tuning of a captions card: what measures best is found, and printed as lines of the card."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from streamer.cli.tune import Tune, tune
from streamer.evaluation.recordings import SpokenWord
from streamer.evaluation.tuning import Spoken, Tuning
from streamer.models.bundle.build import build_network, load
from streamer.models.card import read_card
from tests.evaluation.test_speech_sets import write_set
from tests.tiny_language import PHONES, speak, write_language
from tests.tiny_model import CARD, LIVE, write_model


@pytest.fixture
def folder(tmp_path):
    """A captions model of six words with random weights."""
    path = tmp_path / "model"
    path.mkdir()
    card = CARD.format(task="captions", network=LIVE).replace('"argmax"', '"captions"\nbeam = 32')
    card = card.replace('words = ["", "yes", "no", " "]', f"phones = {list(PHONES)}")
    (path / "card.toml").write_text(card)
    write_language(path)
    card = read_card(path)
    torch.manual_seed(5)
    network = build_network(card.network.architecture, card.network.options | {"outputs": card.outputs})
    save_file(network.state_dict(), path / "weights.safetensors")
    return path


def test_the_option_that_measures_best_is_found(folder):
    words = (SpokenWord("ab", 0.0, 0.24), SpokenWord("cab", 0.24, 0.48))
    # Phones that are too unsure to be taken for speech.
    muffled = speak("ab cab", logit=4.0)
    muffled[:, 0] += 5.0
    tuning = Tuning(load(folder), {"one": [Spoken("ab cab", words, muffled)]})
    tried = []
    grid = {"start_level": (5.0, 0.01), "blank_bias": (6.0,)}
    best, errors = tuning.search(grid, lambda options, recording: tried.append(options))
    assert best["start_level"] == 0.01 and errors.mean == 0.0
    assert tried[0] == {} and {"start_level": 5.0} in tried
    offsets = tuning.timed(best)
    assert set(offsets) == {"start_offset_rows", "end_offset_rows"}
    moved = tuning.timed(best | {"start_offset_rows": 1.0})
    assert moved["start_offset_rows"] == pytest.approx(offsets["start_offset_rows"], abs=0.6)
    with pytest.raises(ValueError, match="beams"):
        tuning.search({"beams": (1,)}, lambda options, recording: None)


def test_confidences_are_fitted_to_what_is_right(folder):
    clear, unclear = speak("ab cab dad"), speak("ab cab dad")
    unclear[4:] += np.random.default_rng(0).normal(0, 3, unclear[4:].shape).astype(np.float32)
    sets = {"one": [Spoken("ab cab dad", (), clear), Spoken("ab bee bee", (), unclear)]}
    fitted = Tuning(load(folder), sets).calibrated({"blank_bias": 0.0})
    assert set(fitted) == {"confidence_bias", "confidence_sound", "confidence_share"}


def test_the_command_tells_lines_of_a_card(folder, tmp_path, capsys):
    path = write_set(tmp_path / "set", ["ab cab", "dad"])
    weights, tries = folder / "weights.safetensors", ["lm_weight=0.5,1.0", "beam=16"]
    tune(Tune(paths=[path], model=str(folder), weights=weights, first=1, tries=tries))
    out, err = capsys.readouterr()
    assert err.count("mean WER") >= 3
    assert all(" = " in line for line in out.splitlines())
    with pytest.raises(ValueError, match="--try"):
        tune(Tune(paths=[path], model=str(folder), first=1, tries=["lm_weight"]))
    with pytest.raises(ValueError, match="captions"):
        tune(Tune(paths=[path], model=str(write_model(tmp_path / "other")), first=1))
