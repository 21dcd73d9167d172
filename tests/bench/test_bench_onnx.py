"""A network run by onnxruntime, where that is installed."""

import json

import numpy as np
import pytest
import soundfile
import torch

from streamer.bench import onnx as bench_onnx
from streamer.bench.onnx import OnnxNetwork
from streamer.bench.references import naive_streams, onnx_streams
from streamer.config import Config, ModelOptions
from streamer.models.bundle.build import build_network, load
from tests.cli.test_cli import streamer  # noqa: F401, a fixture
from tests.tiny_model import write_model

TOLERANCE = 1e-4
installed = pytest.mark.skipif(
    bool(bench_onnx.missing()), reason="onnxruntime, onnx and onnxscript are optional"
)


@installed
@pytest.mark.parametrize("architecture, level", [("acoustic_lstm", True), ("acoustic_gru", False)])
def test_onnx_gives_what_the_network_gives(architecture, level):
    options = dict(n_mels=10, stack=4, hidden_size=16, depth=2, delay=1, outputs=5, level=level)
    network = build_network(architecture, options).eval().requires_grad_(False)
    exported, x = OnnxNetwork(network), torch.randn(1, 24, 10)
    wanted, _ = network.step(x, network.initial_state(1))
    state, outputs = network.initial_state(1), []
    for piece in x.split([8, 12, 4], 1):
        with torch.inference_mode():
            y, state = exported.step(piece, state)
        outputs.append(y)
    assert (torch.cat(outputs, 1) - wanted).abs().max() < TOLERANCE


@installed
def test_a_network_that_onnx_lacks_is_one_line():
    class Odd(torch.nn.Module):
        def step(self, x, state):
            return torch.special.bessel_j0(x), state

    with pytest.raises(ValueError, match="can't be exported") as caught:
        OnnxNetwork(Odd()).step(torch.zeros(1, 4, 10), ())
    assert "\n" not in str(caught.value)


@installed
def test_streams_of_onnx_are_counted_beside_those_of_torch(tmp_path):
    config = Config(models={"tiny": ModelOptions(folder=str(write_model(tmp_path / "tiny")))})
    samples = (0.2 * np.random.default_rng(0).standard_normal(16000) * 32767).astype(np.int16)
    assert load(tmp_path / "tiny").network.block == 4
    assert naive_streams(config, "tiny", samples, 16000) > 1 < onnx_streams(config, "tiny", samples, 16000)


def test_without_the_packages_a_line_says_what_to_install(streamer, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("streamer.bench.onnx.PACKAGES", ("onnxruntime_is_not_there", "numpy"))
    write_model(tmp_path / "tiny")
    (tmp_path / "config.toml").write_text('[models.tiny]\nfolder = "tiny"\n')
    soundfile.write(tmp_path / "noise.wav", 0.2 * np.random.default_rng(0).standard_normal(16000), 16000)
    command = ["bench", "tiny", "--references", "--json", "--config", tmp_path / "config.toml"]
    code, out, lines = streamer(*command, "--streams", 2, "--seconds", 1, "--file", tmp_path / "noise.wav")
    figures = json.loads(out)
    assert code == 0 and figures["naive_streams"] > 1 and figures["onnx_streams"] is None
    assert len(lines) == 1 and "without onnxruntime_is_not_there: pip install 'streamer[onnx]'" in lines[0]
