"""Evaluation of entities and sentiment: scores counted by hand, baselines, figures of small models."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from streamer.config import read_config
from streamer.evaluation import entities, sentiment
from streamer.evaluation.entity_scores import entity_scores, tags_of
from streamer.evaluation.evaluate import run
from streamer.evaluation.job import Job
from streamer.evaluation.tasks import evaluate
from streamer.evaluation.text_baselines import judged_by_words, tagged_by_features, tagged_by_names
from streamer.models.bundle.build import build_network
from streamer.models.datasets.opinions import read_labelled
from streamer.models.datasets.tagged import read_conll
from streamer.models.readers import EventWord
from streamer.models.training.fit import half_precision
from streamer.models.training.text import entities_recipes, sentiment_recipes
from tests import text_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return text_data.make(tmp_path_factory.mktemp("data")) / "text"


def model(folder, recipes, name, outputs, **options):
    """A model with weights that have learnt nothing."""
    recipe = recipes.RECIPES[name]
    nameless = {"names": None} if recipes is entities_recipes else {}
    options = {"words": 4, "word_size": 3, "hidden_size": 4, "outputs": outputs} | options
    torch.manual_seed(1)
    folder.mkdir()
    network = build_network(recipe.architecture, options)
    save_file(half_precision(network), folder / "weights.safetensors")
    (folder / "words.txt").write_text("rome\nbo\n", encoding="utf-8")
    recipes.card(folder, dataclasses.replace(recipe, options=options, **nameless), options)
    return folder


def test_tags_come_from_the_bytes_of_spans():
    words = ["Zoë", "Lee", "saw", "Rome", "Rome"]
    spans = [
        EventWord("Zoë Lee", 0, 8, 1.0, "PER"),
        EventWord("Rome", 13, 17, 1.0, "LOC"),
        EventWord("Rome", 18, 22, 1.0, "LOC"),
    ]
    assert tags_of(words, spans) == ["B-PER", "I-PER", "O", "B-LOC", "B-LOC"]
    assert tags_of(words, []) == ["O"] * 5


def test_capitals_and_a_list_of_names_tell_entities():
    kinds = [["ann"], ["lee"], [], ["rome"], [], [], []]
    texts = [["Ann", "Lee", "saw", "Rome", "at", "Acme"], ["Sure", ",", "ann"]]
    assert tagged_by_names(kinds, texts) == [["B-PER", "I-PER", "O", "B-LOC", "O", "B-ORG"], ["O", "O", "O"]]
    assert tagged_by_names(kinds, [["ann", "lee", "saw"]]) == [["B-PER", "I-PER", "O"]]


def test_scores_count_whole_spans_and_leave_out_types_that_the_gold_lacks():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"]]
    predicted = [["B-PER", "I-PER", "B-MISC", "O"], ["B-LOC", "I-LOC"]]
    scores = entity_scores(gold, predicted)
    # One of three found, one of two right.
    assert (scores.precision, scores.recall) == (pytest.approx(1 / 2), pytest.approx(1 / 3))
    assert scores.f1 == pytest.approx(0.4) and scores.dropped == 1
    assert set(scores.by_type) == {"PER", "LOC"} and scores.by_type["PER"]["f1"] == 1.0


def test_baselines_learn(data):
    sentences = read_conll(data / "ner_wikigold" / "train.conll")
    predicted = tagged_by_features(sentences, [["Ann", "Lee", "slept", "."], []])
    assert predicted == [["B-PER", "I-PER", "O", "O"], []]
    rows = read_labelled(data / "sst" / "binary.dev.tsv")
    assert judged_by_words(rows, ["this film is awful .", "superb"]) == [0, 1]


@pytest.mark.parametrize("mode", ["live", "offline"])
def test_entities_are_evaluated(mode, data, tmp_path):
    outputs = {"live": 27, "offline": 9}[mode]
    folder = model(tmp_path / "model", entities_recipes, mode, outputs, letter_size=2)
    path = data / "ner_gmb" / "dev.conll"
    chosen = entities.compared_mode(mode, data / "ner_gmb" / "train.conll.gz")
    figures = run("entities", mode, chosen, Job(path, str(folder), read_config(None)))
    assert 0 <= figures["f1"] <= 1 and 0 <= figures["stripped_f1"] <= 1
    assert {f"{kind}_f1" for kind in ("PER", "LOC", "ORG", "MISC")} <= set(figures)
    assert figures["baseline_f1"] > 0.9 and figures["baseline_stripped_f1"] > 0.9
    assert 0 < figures["names_f1"] <= 1 and 0 <= figures["names_stripped_f1"] <= 1
    assert figures["examples"] == 84 and figures["rtf"] is None
    assert figures.get("lookahead") == {"live": 1}.get(mode)


@pytest.mark.parametrize("mode", ["live", "offline"])
@pytest.mark.parametrize("file, classes", [("sst/binary.dev.tsv", 2), ("sst/fine.dev.tsv", 5)])
def test_sentiment_is_evaluated_with_as_many_classes_as_the_file_has(mode, file, classes, data, tmp_path):
    folder = model(tmp_path / "model", sentiment_recipes, mode, sentiment_recipes.CLASSES)
    chosen = sentiment.compared_mode(mode, data / file)
    figures = run("sentiment", mode, chosen, Job(data / file, str(folder), read_config(None)))
    assert figures["classes"] == classes and 0 <= figures["accuracy"] <= 1
    assert figures["most_frequent_accuracy"] == 0.5 and figures["baseline_accuracy"] == 1.0


def test_texts_that_nobody_has_parted_are_parted(data, tmp_path):
    rows = "1\t9\tSo good. I didn't sleep!\n0\t2\tDull, dull film.\n"
    folder = model(tmp_path / "model", sentiment_recipes, "live", sentiment_recipes.CLASSES)
    path = text_data.write(tmp_path / "reviews.tsv", rows)
    figures = evaluate("sentiment", path, read_config(None), str(folder))
    assert (figures["examples"], figures["sentences"], figures["words"]) == (2, 3, 13)


def test_files_that_cannot_be_scored_are_told_in_one_line(data, tmp_path):
    nothing = text_data.write(tmp_path / "nothing.conll", "a\tO\n")
    folder = model(tmp_path / "a", entities_recipes, "offline", 9, letter_size=2)
    with pytest.raises(ValueError, match="no word is tagged"):
        evaluate("entities", nothing, read_config(None), str(folder), "offline")
    three = text_data.write(tmp_path / "three.tsv", "2\tso so\n")
    folder = model(tmp_path / "b", sentiment_recipes, "live", sentiment_recipes.CLASSES)
    with pytest.raises(ValueError, match="no head for these"):
        evaluate("sentiment", three, read_config(None), str(folder))
    with pytest.raises(ValueError, match="a model for sentiment"):
        evaluate("entities", nothing, read_config(None), str(folder))
