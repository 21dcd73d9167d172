"""Corpora mixed and masked: shares, joined pairs, which words are names, and a run that learns from them."""

import dataclasses
import gzip
import random
from collections import Counter

import pytest

from streamer.config import Config
from streamer.models.text.masks import PER_CLASS, PLACEHOLDERS
from streamer.models.training.text import translation_recipes, translation_trainer
from streamer.models.training.text.translation_mixture import (
    Part,
    read_mixture,
    repeated,
    varied,
    words_known,
)
from streamer.offline.translate import Translator
from streamer.server.loading import load_model
from tests import translation_data

NUMBER, NAME = PLACEHOLDERS[0], PLACEHOLDERS[2 * PER_CLASS]
PAIRS = [(f"He met Bob {n} times.", f"Er traf Bob {n} Mal.") for n in range(10, 20)]
PARTS = (Part("tatoeba_en_de", "open"), Part("meetings", "open", 2))


@pytest.fixture
def data(tmp_path):
    folder = translation_data.make(tmp_path / "data")
    meetings = folder / "text" / "meetings"
    meetings.mkdir()
    lines = ["\t".join(pair) + "\n" for pair in [*PAIRS, ("He met 3.", "Er traf 4.")]]
    with gzip.open(meetings / "train.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(lines)
    (meetings / "dev.tsv").write_text("".join(lines[:5]), encoding="utf-8")
    return folder


def test_a_word_that_is_copied_is_a_name_and_others_are_known():
    known = words_known(iter(PAIRS))
    assert "bob" not in known
    assert {"he", "met", "times"} <= known


def test_pairs_are_masked_and_those_whose_numbers_differ_left_out(data):
    pairs, known = read_mixture(data / "text", PARTS, 1)
    texts = " ".join(source for source, _ in pairs)
    assert f"He met {NAME} {NUMBER} times." in texts
    assert "Bob" not in texts and "3" not in texts
    assert "two" in known and "bob" not in known


def test_the_same_seed_gives_the_same_mixture(data):
    assert read_mixture(data / "text", PARTS, 1) == read_mixture(data / "text", PARTS, 1)


def test_shares_say_how_often_a_pair_comes():
    pairs = [(str(n), str(n)) for n in range(1000)]
    twice = Counter(repeated(pairs, 2, random.Random(1)))
    assert set(twice.values()) == {2} and len(twice) == 1000
    assert 400 < len(list(repeated(pairs, 0.5, random.Random(1)))) < 600


def test_variants_keep_both_sides_together():
    pairs = [(f"a{n} b.", f"A{n} B.") for n in range(500)]
    varied_pairs = varied(pairs, random.Random(1))
    assert len(varied_pairs) < 500
    said = " ".join(target for _, target in varied_pairs)
    assert said == " ".join(target for _, target in pairs)
    for source, target in varied_pairs:
        assert source.replace(".", "").lower().split() == target.replace(".", "").lower().split()


def test_a_run_learns_masked_pairs_and_its_model_restores_what_it_copies(data, monkeypatch):
    small = dict(size=24, memory_size=32, hidden_size=32, depth=1)
    recipe = dataclasses.replace(
        translation_recipes.recipe_of("offline", "en-de-open"),
        options=small,
        units=200,
        pieces=420,
        target_units=420,
        negatives=0,
        smoothing=0.0,
        averaged=0.9,
        learning_rate=1e-2,
        every=1000,
    )
    corpus = dataclasses.replace(translation_recipes.CORPORA["en-de-open"], mixture=PARTS)
    monkeypatch.setitem(translation_recipes.CORPORA, "en-de-open", corpus)
    for module in (translation_trainer, translation_recipes):
        monkeypatch.setattr(module, "recipe_of", lambda mode, pair: recipe)
    lines = []
    weights = translation_trainer.train_translation(
        data, data / "runs", "offline", "en-de-open", updates=350, progress=lines.append
    )
    translator = Translator(load_model(Config(), str(weights.parent), "translation"))
    (translation,) = translator.translate(["He met Zoltan Kaffka 1,234 times.".split()])
    assert translation.text == "Er traf Zoltan Kaffka 1.234 Mal."
    assert translation.doubts == ()
