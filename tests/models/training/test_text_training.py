"""Trainings of entities and sentiment on a tiny data folder: they learn, end, go on, and are models."""

import dataclasses

import numpy as np
import pytest

from streamer.models.bundle.build import load
from streamer.models.datasets.opinions import NO_LABEL, fine, five, read_labelled
from streamer.models.datasets.tagged import read_conll, strip
from streamer.models.datasets.word_channels import Words
from streamer.models.training.text import entities_trainer as entities
from streamer.models.training.text import sentiment_trainer as sentiment
from streamer.models.training.text.denials import denials, graded
from tests import text_data


@pytest.fixture
def data(tmp_path):
    return text_data.make(tmp_path / "data")


def small(recipe, **options):
    pace = dataclasses.replace(recipe.pace, learning_rate=3e-2, averaged=0.8)
    return dataclasses.replace(recipe, pace=pace, options=recipe.options | options, words=60)


@pytest.mark.parametrize("name", entities.RECIPES)
def test_entities_are_learnt(name, data, tmp_path, monkeypatch):
    options = dict(word_size=36, letter_size=6, hidden_size=16, dropout=0.1)
    monkeypatch.setitem(entities.RECIPES, name, small(entities.RECIPES[name], **options))
    monkeypatch.setattr(entities, "BATCH_STEPS", 200)
    lines: list[str] = []
    weights = entities.train_entities(data, tmp_path / "runs", name, updates=120, progress=lines.append)
    assert float(lines[-1].split("mean ")[1].split()[0]) > 0.9, lines
    assert load(weights.parent).card.task == "entities"

    lines.clear()
    entities.train_entities(data, tmp_path / "runs", name, updates=121, progress=lines.append)
    assert "resumed after 120 updates" in lines


@pytest.mark.parametrize("name", sentiment.RECIPES)
def test_sentiment_is_learnt(name, data, tmp_path, monkeypatch):
    options = dict(word_size=30, hidden_size=8, dropout=0.1)
    monkeypatch.setitem(sentiment.RECIPES, name, small(sentiment.RECIPES[name], **options))
    monkeypatch.setattr(sentiment, "BATCH_STEPS", 200)
    # They would be five of six sentences, and none is like those checked.
    monkeypatch.setattr("streamer.models.training.text.denials.VERBS", ())
    lines: list[str] = []
    weights = sentiment.train_sentiment(data, tmp_path / "runs", name, updates=40, progress=lines.append)
    assert float(lines[-1].split("sst_polar ")[1].split()[0]) > 0.9, lines
    model = load(weights.parent)
    assert model.card.task == "sentiment" and "unclear" in model.card.licence

    lines.clear()
    sentiment.train_sentiment(data, tmp_path / "runs", name, updates=41, progress=lines.append)
    assert "resumed after 40 updates" in lines


def test_praise_is_said_and_denied():
    adjectives = graded([["Very", "good", "and", "very", "far"]] * 2 + [["very", "good"]])
    assert adjectives == {"good"}
    made = denials([(1, "good"), (0, "far"), (1, "good film")], adjectives)
    labels = {text: label for label, text in made}
    assert labels["it was good ."] == 1 and labels["not good"] == 0
    assert labels["i hated it ."] == 0 and labels["i did n't hate it ."] == 1
    assert not any("far" in text.split() for text in labels)


def test_a_stripped_sentence_keeps_its_entities():
    words = '" Ann , Lee " of " U.S. - Rome'.split()
    tags = "B-PER I-PER I-PER I-PER O O O B-LOC O B-LOC".split()
    assert strip(words, tags) == (
        ["ann", "lee", "of", "u.s.", "rome"],
        ["B-PER", "I-PER", "O", "B-LOC", "B-LOC"],
    )


def test_conll_files_are_read_with_one_clear_line_for_bad_ones(tmp_path):
    good = text_data.write(tmp_path / "good.conll.gz", "a\tx\tB-PER\nb\tx\tO\n\n\nc\tx\tO")
    assert read_conll(good) == [(["a", "b"], ["B-PER", "O"]), (["c"], ["O"])]
    for text in ("a\n", "a\tPER\n"):
        with pytest.raises(ValueError, match="line 1: wanted a word, a tab and a tag"):
            read_conll(text_data.write(tmp_path / "bad.conll", text))
    (tmp_path / "cut.conll.gz").write_bytes(good.read_bytes()[:20])
    for name in ("cut.conll.gz", "none.conll"):
        with pytest.raises(ValueError, match=name):
            read_conll(tmp_path / name)


def test_labelled_files_are_read_with_one_clear_line_for_bad_ones(tmp_path):
    good = text_data.write(tmp_path / "good.tsv", "1\t7\tso good\n0\t2\tso bad\n")
    assert read_labelled(good) == [(1, "so good"), (0, "so bad")]
    with pytest.raises(ValueError, match="line 2: wanted a label"):
        read_labelled(text_data.write(tmp_path / "bad.tsv", "1\ta\ngood\ta\n"))


def test_five_classes_tell_two_but_for_the_middle():
    rows = [(label, "x") for label in range(5)] + [(1, " ")]
    both = fine(rows, Words())
    assert both.polar.tolist() == [0, 0, NO_LABEL, 1, 1] and both.fine.tolist() == [0, 1, 2, 3, 4]
    assert np.all(five(rows, Words()).polar == NO_LABEL)
