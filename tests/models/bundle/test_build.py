"""Folders of models: what loads, and the one line that names what is wrong with the rest."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from streamer.models.bundle import catalog
from streamer.models.bundle.build import build_network, load
from streamer.models.card import beside, read_card
from streamer.models.imports import Imports

CARD = """
name = "tiny"
task = "commands"
description = "for tests"
licence = "Apache-2.0"
command = "none"
[front]
architecture = "log_mel"
sample_rate_hz = 16000
n_mels = 8
n_fft = 512
hop_length = 160
[network]
architecture = "acoustic_gru"
n_mels = 8
stack = 3
hidden_size = 6
depth = 1
delay = 2
[reader]
kind = "argmax"
[labels]
words = ["", "yes", "no"]
[[data]]
name = "noise"
licence = "CC0"
[scores.noise]
mode = "live"
accuracy = 0.5
"""


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(1)
    network = build_network(
        "acoustic_gru", dict(n_mels=8, stack=3, hidden_size=6, depth=1, delay=2, outputs=3)
    )
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    (tmp_path / "card.toml").write_text(CARD)
    return tmp_path


def refused(folder, *parts):
    with pytest.raises(ValueError) as caught:
        load(folder)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(folder), *parts):
        assert part in message


def test_it_loads_and_runs(folder):
    model = load(folder)
    assert (model.name, model.card.outputs, model.card.scores["noise"]["accuracy"]) == ("tiny", 3, 0.5)
    assert model.card.data[0].split == "train"
    assert model.steps_per_output == 480
    features = model.front(16000)(torch.zeros(1, 16000, 1))
    assert model.network(features).shape == (1, 34, 3)
    assert not model.network.training
    assert not any(p.requires_grad for p in model.network.parameters())


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000, 96000])
def test_every_rate_gives_the_same_count_of_features(folder, rate):
    front = load(folder).front(rate)
    assert front(torch.zeros(1, rate, 1)).shape == (1, 100, 8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_become_float32(folder, dtype):
    weights = {k: v.to(dtype) for k, v in load(folder).network.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    assert {v.dtype for v in load(folder).network.state_dict().values()} == {torch.float32}


def test_float64_weights_that_float32_can_not_hold_are_refused(folder):
    weights = {k: v.double() for k, v in load(folder).network.state_dict().items()}
    next(iter(weights.values())).view(-1)[0] = 1e300
    save_file(weights, folder / "weights.safetensors")
    refused(folder, "too large for float32")


@pytest.mark.parametrize("name", ["captions-en", "sentiment-en", "entities-en"])
def test_loading_does_not_import_a_compiler(name):
    code = (
        "import sys; from streamer.config import parse; from streamer.server.loading import load_model; "
        "from pathlib import Path; load_model(parse('', Path()), sys.argv[1]); "
        "print({'sympy', 'torch._dynamo'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_no_folder(tmp_path):
    refused(tmp_path / "nowhere", "card.toml", "No such file")


@pytest.mark.parametrize(
    "old,new,parts",
    [
        ('name = "tiny"', "name = 3", ["$.name"]),
        ('name = "tiny"', "", ["name"]),
        ('task = "commands"', 'task = "dance"', ["'dance'", "captions, commands"]),
        ('licence = "Apache-2.0"', 'license = "x"', ["license is unknown; there are name, task"]),
        ("[front]", "[sides]\n[front]", ["sides is unknown", "front, feeder"]),
        ("[front]", "[front", ["line"]),
        ("n_fft = 512", "n_fft = 512.5", ["front.n_fft", "int"]),
        ("n_fft = 512", "n_fft = 100", ["n_fft 100"]),
        ("sample_rate_hz = 16000", "", ["front.sample_rate_hz"]),
        ("hop_length = 160", "hop = 160", ["front.hop is not an option of log_mel", "hop_length"]),
        ("stack = 3", "", ["network.stack is missing"]),
        ("stack = 3", "stack = 0", ["network.stack", "1"]),
        ("depth = 1", "depth = -1", ["network.depth", "1"]),
        ("depth = 1", "layers = 1", ["network.layers is not an option of acoustic_gru", "depth"]),
        ("depth = 1", 'depth = 1\ncell = "qrnn"', ["'qrnn'", "lstm"]),
        ("depth = 1", "depth = 1\noutputs = 4", ["network.outputs is 4", "3"]),
        ('"acoustic_gru"', '"acoustic_cnn"', ["'acoustic_cnn' is unknown", "acoustic_lstm"]),
        ('"acoustic_gru"', '"os:system"', ["'os:system' may not be imported", "config"]),
        ('"acoustic_gru"', "7", ["network.architecture must be a name"]),
        ("n_mels = 8\nstack", "n_mels = 9\nstack", ["8 features", "9"]),
        ('["", "yes", "no"]', "[]", ["labels"]),
        ('["", "yes", "no"]', '["", "yes"]', ["weights.safetensors", "shape"]),
    ],
)
def test_a_wrong_card_is_one_line(folder, old, new, parts):
    assert old in CARD
    (folder / "card.toml").write_text(CARD.replace(old, new))
    refused(folder, *parts)


def test_weights_that_are_missing_cut_or_something_else(folder):
    path = folder / "weights.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(folder, "safetensors")
    path.write_bytes(b"")
    refused(folder, "safetensors")
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    refused(folder, "safetensors")
    path.unlink()
    refused(folder, "weights.safetensors", "No such file")
    path.mkdir()
    refused(folder, "weights.safetensors")


def test_weights_of_another_network(folder):
    path = folder / "weights.safetensors"
    weights = dict(load(folder).network.state_dict())
    name = "stages.6.map.bias"
    for changed, part in [
        ({k: v for k, v in weights.items() if k != name}, f"{name} is missing"),
        (weights | {"extra": torch.zeros(1)}, "extra is not part of the network"),
        (weights | {name: torch.zeros(5)}, f"{name} has shape [5]"),
        (weights | {name: torch.full((3,), torch.nan)}, f"{name} holds numbers that are not finite"),
        (weights | {name: torch.zeros(3, dtype=torch.int8)}, f"{name} has type"),
    ]:
        save_file(changed, path)
        refused(folder, part)


def test_an_architecture_of_ones_own(folder):
    card = CARD.replace('"acoustic_gru"', '"streamer.models.networks.acoustic:acoustic_gru"')
    (folder / "card.toml").write_text(card)
    assert load(folder, Imports(("streamer.models",))).name == "tiny"


def test_the_catalog(folder):
    assert catalog.find("mine", {"mine": folder}) == folder
    with pytest.raises(ValueError, match="model 'yours' is unknown; there are .*mine"):
        catalog.find("yours", {"mine": folder})
    for name, path in catalog.zoo().items():
        assert read_card(path).name == name


def test_the_catalog_takes_a_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert catalog.find(str(folder), {}) == folder
    assert catalog.find(f"./{folder.name}", {}) == catalog.find(f"{folder.name}/", {}) == Path(folder.name)
    assert catalog.find(folder.name, {}) == Path(folder.name)
    assert catalog.find(folder.name, {folder.name: tmp_path}) == tmp_path  # a config's name goes first
    with pytest.raises(ValueError, match="^nowhere/at-all: not a model's folder; it would hold card.toml$"):
        catalog.find("nowhere/at-all", {"nowhere/at-all": folder})


def test_a_card_names_files_of_its_own_folder_or_of_a_model_beside_it(tmp_path):
    own, other, secret = tmp_path / "zoo" / "own", tmp_path / "zoo" / "other", tmp_path / "secret"
    for path in (own, other, secret):
        path.mkdir(parents=True)
        (path / "words.txt").write_text("a")
    (own / "link.txt").symlink_to(secret / "words.txt")
    (other / "card.toml").write_text("")
    assert beside(own, "words.txt", "reader.words").read_text() == "a"
    assert beside(own, "../other/words.txt", "reader.words").read_text() == "a"
    for name in ("../../secret/words.txt", str(secret / "words.txt"), "link.txt", "../../../../etc/passwd"):
        with pytest.raises(ValueError, match="reader.words: .* is neither"):
            beside(own, name, "reader.words")
    (other / "card.toml").unlink()
    with pytest.raises(ValueError, match="is neither"):
        beside(own, "../other/words.txt", "reader.words")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"#" * 2_000_000, "more than"), (b"a = " + b"[" * 100_000, "card.toml"), (b"\xff", "card.toml")],
)
def test_a_hostile_card_is_one_line(tmp_path, content, told):
    (tmp_path / "card.toml").write_bytes(content)
    with pytest.raises(ValueError, match=told) as caught:
        read_card(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_card_can_not_ask_for_more_memory_than_its_weights_need(folder):
    card = folder / "card.toml"
    card.write_text(re.sub(r"hidden_size = \d+", "hidden_size = 4096", card.read_text()))
    with pytest.raises(ValueError, match="parameters, for weights of"):
        load(folder)
