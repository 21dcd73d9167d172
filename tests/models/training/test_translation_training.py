"""Training of translators on a tiny data folder: they learn, end, go on, and are models at once."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from streamer.config import Config
from streamer.evaluation.tasks import evaluate
from streamer.models.datasets import sentence_pairs
from streamer.models.training.text import translation_recipes
from streamer.models.training.text import translation_trainer as translation
from streamer.models.training.text.dictionary import dictionary_vectors
from streamer.models.training.text.translation_loss import loss_of
from tests import translation_data

SMALL = dict(size=24, memory_size=32, hidden_size=32)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return translation_data.make(tmp_path_factory.mktemp("translation") / "data")


@pytest.fixture(scope="module")
def runs(data):
    """An offline run, and a live one that begins with it."""
    with pytest.MonkeyPatch.context() as patch:
        threads = torch.get_num_threads()
        for mode, more in (("offline", dict(depth=1)), ("live", dict(most=24))):
            recipe = dataclasses.replace(
                translation_recipes.RECIPES[mode],
                options=SMALL | more,
                units=200,
                pieces=80,
                target_units=80,
                negatives=20,
                smoothing=0.0,
                averaged=0.9,
                learning_rate=1e-2,
                every=1000,
            )
            patch.setitem(translation_recipes.RECIPES, mode, recipe)
        out, lines = data.parent / "runs", []
        offline = translation.train_translation(data, out, "offline", updates=200, progress=lines.append)
        translation.train_translation(data, out, "offline", updates=201, progress=lines.append)
        live = translation.train_translation(
            data, out, "live", updates=120, start=offline, progress=lines.append
        )
        torch.set_num_threads(threads)
        yield {"offline": offline.parent, "live": live.parent}, lines


def test_it_learns_and_goes_on(runs):
    _, lines = runs
    assert "resumed after 200 updates" in lines
    bleu = [float(text.split("bleu ")[1]) for text in lines if "bleu" in text]
    assert bleu[0] > 90 and bleu[-1] > 90, lines


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_its_folder_is_a_model_that_evaluates(mode, runs, data):
    folders, _ = runs
    path = data / "text" / "tatoeba_en_de" / "dev.tsv"
    figures = evaluate("translation", path, Config(), str(folders[mode]), mode)
    assert figures["bleu"] > 90 and figures["chrf"] > 90
    assert figures["bleu"] > figures["dictionary_bleu"] > figures["copied_bleu"]
    assert figures["repeating"] == figures["broken_off"] == 0
    assert figures["bleu_signature"].startswith("nrefs:1")
    assert figures["sentences_to_10"] == figures["examples"] == 15
    json.dumps(figures)
    if mode == "live":
        # Three words late, except at the end, where no more is to come.
        assert 1.5 < figures["average_lagging"] <= 4
    else:
        assert "average_lagging" not in figures


def test_vectors_are_a_dictionary():
    random = np.random.default_rng(1)
    sources = [random.integers(3, 13, 5) for _ in range(200)]
    targets = [random.permutation(source + 20) for source in sources]
    u, v, bias = dictionary_vectors(sources, targets, (13, 33), 16)
    assert (u[3:] @ v.T + bias).argmax(1).tolist() == list(range(23, 33))


def test_negatives_stand_for_all_others(runs):
    """Told from some units, the loss is on average what it is told from all."""
    folders, _ = runs
    source, target = (
        sentence_pairs.SentencePieceProcessor(model_file=str(folders["offline"] / name))
        for name in ("source.model", "target.model")
    )
    pairs = sentence_pairs.encode(translation_data.pairs(), source, target)
    torch.manual_seed(1)
    network = translation.build_network(
        "translate_offline", SMALL | dict(pieces=len(source), units=len(target))
    ).eval()
    chosen = sentence_pairs.batch(pairs, range(3))
    whole = float(loss_of(network, chosen, 0, 0.0))
    parts = [float(loss_of(network, chosen, 15, 0.0)) for _ in range(20)]
    assert abs(np.mean(parts) - whole) < 0.02
