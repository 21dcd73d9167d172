"""Trainings of summaries and headlines on a tiny data folder: they learn, end, and go on."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from streamer.models.datasets.word_channels import Words, batch
from streamer.models.training.text import headline_trainer as headline
from streamer.models.training.text import summary_trainer as summary
from streamer.models.training.vectors import word_vectors
from tests import summary_data


@pytest.fixture
def data(tmp_path):
    return summary_data.make(tmp_path / "data")


@pytest.mark.parametrize("mode", ["live", "offline"])
def test_summary_learns_ends_and_goes_on(mode, data, tmp_path, monkeypatch):
    small = dict(word_size=30, letter_size=4, hidden_size=12)
    pace = dataclasses.replace(summary.RECIPES[mode].pace, averaged=0.8, learning_rate=1e-2)
    recipe = dataclasses.replace(summary.RECIPES[mode], options=small, rows=8, words=40, pace=pace)
    monkeypatch.setitem(summary.RECIPES, mode, recipe)
    lines: list[str] = []
    weights = summary.train_summary(data, tmp_path / "runs", mode, updates=120, progress=lines.append)
    f1 = float(lines[-1].split("f1 ")[1].split()[0])
    assert f1 > 0.9, lines
    assert all(value.dtype == torch.float16 for value in load_file(weights).values())
    assert (weights.parent / "words.txt").read_text().split()[0] == "the"

    lines.clear()
    summary.train_summary(data, tmp_path / "runs", mode, updates=130, progress=lines.append)
    assert "resumed after 120 updates" in lines


def test_headline_learns_to_copy_ends_and_goes_on(data, tmp_path, monkeypatch):
    recipe = headline.HeadlineRecipe(rows=8, words=20, word_size=24, averaged=0.8, learning_rate=1e-2)
    monkeypatch.setattr(headline, "RECIPE", recipe)
    lines: list[str] = []
    headline.train_headline(data, tmp_path / "runs", updates=60, progress=lines.append)
    rouge = float(lines[-1].split("rougeL ")[1])
    assert rouge > 0.8, lines
    lines.clear()
    headline.train_headline(data, tmp_path / "runs", updates=61, progress=lines.append)
    assert "resumed after 60 updates" in lines


def test_words_without_case_and_punctuation_are_those_of_captions():
    words = Words()
    text = words.text(["The", "fox", "'s", ",", "den", "-", "U.S.", "!"])
    stripping = words.stripping()
    names = list(words.numbers)
    left = stripping.lower[text[stripping.spoken[text]]]
    assert [names[number] for number in left] == ["the", "fox", "'s", "den", "u.s."]


def test_a_batch_marks_first_steps_and_pads_with_nothing():
    words = Words()
    texts = [words.text(["a", "bee"]), words.text(["bee"])]
    x, lengths = batch(words.table(["bee"]), texts, tail=1)
    assert x.shape == (2, 3, 19) and lengths.tolist() == [2, 1]
    assert x[:, :, 0].tolist() == [[1, 0, 0], [1, 0, 0]]
    assert x[:, :, 2].tolist() == [[1, 2, 0], [2, 0, 0]]
    assert not x[1, 1:].any()


def test_words_in_the_same_places_have_vectors_alike():
    random = np.random.default_rng(1)
    # 0 and 1 stand between 2 and 3, 4 and 5 between 6 and 7.
    texts = [np.array([2, random.integers(2), 3, 8, 6, 4 + random.integers(2), 7]) for _ in range(50)]
    vectors = word_vectors(texts, 9, 4, window=1, directed=True)
    assert vectors.shape == (9, 4)
    likeness = np.corrcoef(vectors)
    assert likeness[0, 1] > 0.9 > likeness[0, 4]
