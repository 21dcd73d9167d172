"""The choice of kernels: measured once, remembered, never trusted when it can't be read."""

import pytest
import torch

from streamer.models.kernels.candidates import Kernel
from streamer.runtime import kernel_choice
from tests.tiny_engine import tiny_model


@pytest.fixture
def timed(monkeypatch):
    """Counts measurements and makes "unrolled" win up to a width of 4."""
    calls = []

    def seconds(stage, kernel, width):
        calls.append((kernel.name, width))
        return float((kernel.name == "unrolled") == (width > 4))

    monkeypatch.setattr(kernel_choice, "_seconds", seconds)
    return calls


def test_each_width_has_the_kernel_that_won(timed):
    kernel = kernel_choice.fastest(tiny_model().network, 64)
    assert kernel(1) is kernel(2) is kernel(4)
    assert kernel(5) is kernel(64) is kernel(1000) and kernel(1) is not kernel(5)
    assert {width for _, width in timed} == {1, 4, 16, 64}


def test_a_choice_is_remembered_until_something_changes(timed, tmp_path):
    network = tiny_model().network
    kernel_choice.fastest(network, 64, cache=tmp_path / "new")
    measured = len(timed)
    kernel_choice.fastest(network, 64, cache=tmp_path / "new")
    assert len(timed) == measured
    kernel_choice.fastest(network, 16, cache=tmp_path / "new")
    assert len(timed) > measured
    assert len(list((tmp_path / "new").iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[", b"[1]", b'["fused"]', b'["a","b","c","d"]'])
def test_a_corrupt_choice_is_measured_again(timed, tmp_path, content):
    network = tiny_model().network
    kernel_choice.fastest(network, 64, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    whole, measured = path.read_bytes(), len(timed)
    path.write_bytes(content)
    kernel_choice.fastest(network, 64, cache=tmp_path)
    assert len(timed) == 2 * measured and path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_reason_not_to_run(timed, tmp_path):
    (tmp_path / "file").write_text("")
    assert kernel_choice.fastest(tiny_model().network, 8, cache=tmp_path / "file" / "below")(1)


def test_a_measured_kernel_steps():
    network = tiny_model().network
    step = kernel_choice.fastest(network, 1)(1)
    with torch.inference_mode():
        x = torch.zeros(1, network.block, 20)
        y, _ = step(x, network.initial_state(1))
        wanted, _ = network.step(x, network.initial_state(1))
    torch.testing.assert_close(y, wanted, atol=1e-4, rtol=1e-4)


def test_bf16_is_used_at_every_width_or_at_none(timed, monkeypatch):
    names = ["fused", "unrolled", "bf16"]
    monkeypatch.setattr(
        kernel_choice, "candidates", lambda stage, bf16: [Kernel(name, name) for name in names[: 2 + bf16]]
    )
    network = tiny_model().network
    kernel = kernel_choice.fastest(network, 64, bf16=True)
    assert {kernel(width) for width in (1, 5, 64)} == {"bf16"}
    assert "bf16" not in {kernel_choice.fastest(network, 64)(width) for width in (1, 5, 64)}
