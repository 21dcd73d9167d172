"""Names that stand for others in training, and what a network begins with."""

import numpy as np
import pytest
import torch

from streamer.models.bundle.build import build_network, load
from streamer.models.bundle.catalog import ZOO
from streamer.models.datasets.word_channels import Words
from streamer.models.text.words import read_kinds
from streamer.models.training.text import entities_recipes
from streamer.models.training.text import entities_trainer as entities
from streamer.models.training.text.entities_start import TABLE, begin_with_weights
from streamer.models.training.text.gazetteer import FIRST, LAST, PLACE, Names, spans
from tests import text_data
from tests.models.training.test_text_training import small

KINDS = [["bo"], ["ray"], ["kim"], ["rome"], [], [], ["paris"]]


def test_the_list_that_ships_has_a_line_for_each_kind():
    kinds = read_kinds(entities_recipes.NAMES, "names")
    words = [word for kind in kinds for word in kind]
    assert len(kinds) == FIRST + LAST + PLACE and len(words) == len(set(words)) and all(words)
    assert "smith" in kinds[LAST + PLACE - 1] and "jones" in kinds[LAST - 1] and "tokyo" in kinds[PLACE - 1]


def test_spans_of_tags():
    assert spans(["B-PER", "I-PER", "O", "B-LOC", "B-LOC"]) == [(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "LOC")]


@pytest.mark.parametrize("spoken", [False, True])
def test_people_and_places_are_renamed_and_nothing_else(spoken):
    words, random = Words(), np.random.default_rng(1)
    names = Names(KINDS, words)
    text = words.text("Ann Mae Lee left Oslo for New York".split())
    tags = "B-PER I-PER I-PER O B-LOC O B-LOC I-LOC".split()
    spelled = list(words.numbers)
    form = str if spoken else str.title
    for _ in range(20):
        first, middle, last, left, place, *rest = (
            spelled[n] for n in names.renamed(text, tags, 1.0, spoken, random)
        )
        assert first in map(form, ("bo", "kim", "paris")) and last in map(form, ("ray", "kim", "paris"))
        assert (
            place in map(form, ("rome", "paris")) and [middle, left, *rest] == "Mae left for New York".split()
        )
    assert np.array_equal(names.renamed(text, tags, 0.0, spoken, random), text)


def test_a_run_goes_on_from_weights_and_learns_from_a_teacher(tmp_path, monkeypatch):
    data, sizes = (
        text_data.make(tmp_path / "data"),
        dict(word_size=36, letter_size=6, hidden_size=16, dropout=0.1),
    )
    monkeypatch.setattr(entities, "BATCH_STEPS", 200)
    for name in ("live", "offline"):
        monkeypatch.setitem(entities.RECIPES, name, small(entities.RECIPES[name], **sizes))
    whole = entities.train_entities(data, tmp_path / "a", "offline", updates=40, progress=len)
    live = entities.train_entities(data, tmp_path / "a", "live", updates=5, progress=len)
    lines: list[str] = []
    goes_on = entities.train_entities(
        data, tmp_path / "b", "live", updates=60, start=live, teacher=whole, progress=lines.append
    )
    assert load(goes_on.parent).card.network.options == load(live.parent).card.network.options
    assert float(lines[-1].split("mean ")[1].split()[0]) > 0.9, lines


def test_a_start_or_a_teacher_of_another_kind_is_refused(tmp_path):
    weights = {
        name: ZOO / name / "weights.safetensors"
        for name in ("entities-en", "entities-en-offline", "captions-en")
    }
    live, offline, captions = weights.values()
    for recipe, given, why in (
        ("live", dict(start=offline), "is entities_offline; wanted entities_live"),
        ("live", dict(start=captions), "is acoustic_lstm; wanted entities_live"),
        ("live", dict(teacher=live), "is entities_live; wanted entities_offline"),
        ("offline", dict(teacher=offline), "only a live network learns from a teacher"),
        ("live", dict(start=live.with_name("words.txt")), "not a whole safetensors file"),
    ):
        with pytest.raises(ValueError, match=why):
            entities.train_entities(tmp_path / "nowhere", tmp_path / "out", recipe, **given)
    assert not (tmp_path / "out").exists()


def test_kinds_are_added_to_weights_that_have_none():
    options = dict(word_size=4, letter_size=2, hidden_size=4, outputs=27)
    old = build_network("entities_live", options | {"words": 5})
    new = build_network("entities_live", options | {"words": 7})

    class Start:
        network = old

    begin_with_weights(new, Start, ["ann", "bo", "the"], [["ann", "bo", "ray"], ["rome"]])
    rows = new.state_dict()[TABLE]
    assert torch.equal(rows[:5], old.state_dict()[TABLE])
    assert torch.allclose(rows[5], rows[2:4].mean(0)) and torch.equal(rows[6], rows[1])
