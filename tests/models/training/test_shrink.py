"""Smaller weights: factors are multiplied when a model is loaded, rare words leave its list."""

import torch
from safetensors.torch import load_file

from streamer.models.bundle.build import load
from streamer.models.training.shrink import factors, shrink
from tests.tiny_text import tagger


def test_a_table_of_low_rank_comes_back_whole():
    table = torch.randn(50, 4) @ torch.randn(4, 12)
    left, right = factors("t", table, 4).values()
    assert (left.shape, right.shape) == ((50, 4), (4, 12))
    torch.testing.assert_close(left @ right, table, atol=1e-4, rtol=1e-4)


def test_a_model_with_factors_and_fewer_words_loads(tmp_path):
    folder = tagger(tmp_path / "names")
    before = load(folder).network.state_dict()
    shrink(folder, table="words.words.weight", rank=8)
    after = load(folder).network.state_dict()
    assert before.keys() == after.keys() and "words.words.weight.left" in load_file(
        folder / "weights.safetensors"
    )
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-4, rtol=1e-4)
    other = tagger(tmp_path / "other")
    shrink(other, table="", words=5)
    model = load(other)
    assert model.network.words.words.weight.shape[0] == 7
    assert (other / "words.txt").read_text().split() == "the fox dog in rome".split()
