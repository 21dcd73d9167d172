"""Agreement: rows read, verbs that tell their number, a tiny training, its evaluation."""

import dataclasses

import pytest
import torch

from streamer.config import read_config
from streamer.evaluation.tasks import evaluate
from streamer.models.bundle.build import load
from streamer.models.datasets.agreement_rows import NONE, AgreementRow, numbers_shown, read_rows
from streamer.models.training.text import agreement_recipes
from streamer.models.training.text import agreement_trainer as agreement
from tests import agreement_data, text_data

TINY = dict(word_size=12, letter_size=4, hidden_size=12, dropout=0.1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return agreement_data.make(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    recipe = agreement_recipes.RECIPE
    pace = dataclasses.replace(recipe.pace, learning_rate=3e-2, averaged=0.8)
    monkeypatch.setattr(
        agreement_recipes, "RECIPE", dataclasses.replace(recipe, pace=pace, options=TINY, words=40)
    )
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("cell", agreement_recipes.CELLS)
def test_agreement_is_learnt_and_evaluated(cell, data, tmp_path):
    lines: list[str] = []
    seen: list[int] = []

    def watch(words, network):
        seen.append(len(words))
        return {"watched": 1.0}

    weights = agreement.train_agreement(data, tmp_path, cell, updates=60, watch=watch, progress=lines.append)
    assert "watched 1.0" in lines[-1] and seen
    assert float(lines[-1].split("natural ")[1].split()[0]) > 0.9, lines
    assert load(weights.parent).card.task == "agreement"
    path = data / "text" / "agreement" / "dev.natural.tsv"
    figures = evaluate("agreement", path, read_config(None), str(weights.parent))
    assert figures["accuracy"] == figures["balanced_accuracy"] == 1.0
    assert figures["majority_accuracy"] == 0.5 and figures["examples"] == 24
    assert figures["1_to_3_words_examples"] == 24 and figures["over_20_words_accuracy"] is None

    agreement.train_agreement(data, tmp_path, cell, updates=61, progress=lines.append)
    assert "resumed after 60 updates" in lines


def test_verbs_that_show_their_number_are_learnt_from():
    numbers = numbers_shown(
        "the cats near it were full , and he was glad , as you were , who is to have it".split()
    )
    assert {at: number for at, number in enumerate(numbers) if number != NONE} == {3: 1, 8: 0}


def test_rows_are_read_with_one_clear_line_for_bad_ones(tmp_path):
    good = text_data.write(tmp_path / "good.tsv.gz", "VBZ\tthe cat\nVBP\tcats\n")
    assert read_rows(good) == [AgreementRow(0, ["the", "cat"]), AgreementRow(1, ["cats"])]
    for text in ("VBD\tthe cat\n", "VBZ\n", "VBZ\t \n"):
        with pytest.raises(ValueError, match="line 1: wanted VBZ or VBP"):
            read_rows(text_data.write(tmp_path / "bad.tsv", text))
    with pytest.raises(ValueError, match="holds no rows"):
        read_rows(text_data.write(tmp_path / "empty.tsv", ""))
    (tmp_path / "cut.tsv.gz").write_bytes(good.read_bytes()[:20])
    for name in ("cut.tsv.gz", "none.tsv"):
        with pytest.raises(ValueError, match=name):
            read_rows(tmp_path / name)


def test_an_unknown_cell_and_a_model_of_another_task_are_told(data, tmp_path):
    with pytest.raises(ValueError, match="there are lstm, gru, rnn"):
        agreement.train_agreement(data, tmp_path, "nru")
    path = data / "text" / "agreement" / "dev.natural.tsv"
    with pytest.raises(ValueError, match="name one for agreement"):
        evaluate("agreement", path, read_config(None), "headline-en")
