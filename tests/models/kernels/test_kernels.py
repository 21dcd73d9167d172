"""Kernels against the stage that they stand for."""

import pytest
import torch

from streamer.models.kernels import candidates as kernels
from streamer.models.kernels.candidates import BF16_TOLERANCE, TOLERANCE, candidates, version
from streamer.models.kernels.products import has_packed
from streamer.models.layers.feedforward import Linear
from streamer.models.layers.recurrent import LSTM
from streamer.models.layers.stage import Chain, Stage
from tests.stages import STAGES, fresh

REPLACED = (
    "rnn",
    "lstm",
    "gru",
    "stack",
    "head",
    "feedback",
    "acoustic",
    "convolutions",
    "layer norm",
    "log-mel",
    "resampled log-mel",
)

PACKED = ["packed"] if has_packed() else []


def in_chunks(step, x, state, block):
    outputs = []
    for chunk in x.split([block, 3 * block, 2 * block], dim=1):
        y, state = step(chunk, state)
        outputs.append(y)
    return torch.cat(outputs, dim=1), state


@pytest.mark.parametrize("name", STAGES)
@torch.inference_mode()
def test_every_kernel_gives_the_stages_results(name):
    stage = fresh(STAGES[name])
    available = candidates(stage, bf16=name != "sampler")
    if name.startswith(REPLACED):
        assert {"unrolled", *PACKED} <= {kernel.name for kernel in available}
    x = torch.randn(5, 6 * stage.block, stage.in_features)
    wanted, end = in_chunks(stage.step, x, stage.initial_state(5), stage.block)
    for kernel in available:
        tolerance = BF16_TOLERANCE if kernel.name == "bf16" else TOLERANCE
        y, state = in_chunks(kernel.step, x, stage.initial_state(5), stage.block)
        for a, b in zip((wanted, *end), (y, *state), strict=True):
            assert b.dtype == a.dtype
            torch.testing.assert_close(b, a, atol=tolerance, rtol=tolerance)


def test_a_stage_of_which_nothing_is_replaced_has_its_own_step_alone():
    assert [kernel.name for kernel in candidates(fresh(STAGES["resampled up"]))] == ["fused"]


def test_maps_alone_are_packed_where_there_is_onednn():
    assert [kernel.name for kernel in candidates(Linear(3, 4).eval().requires_grad_(False))] == [
        "fused",
        *PACKED,
    ]


def test_kernels_leave_the_stage_as_it_was():
    stage = fresh(STAGES["acoustic lstm"])
    before = list(stage.named_modules())
    candidates(stage, bf16=True)
    assert [(n, m) for n, m in stage.named_modules()] == before


def test_bf16_is_off_until_asked_for(monkeypatch):
    stage = fresh(STAGES["lstm"])
    assert "bf16" not in [kernel.name for kernel in candidates(stage)]
    monkeypatch.setattr(kernels, "has_bf16", lambda: False)
    assert "bf16" not in [kernel.name for kernel in candidates(stage, bf16=True)]


def test_a_change_of_any_file_is_another_version(tmp_path):
    (tmp_path / "gates.py").write_text("HALF = 0.5")
    first = version(tmp_path)
    (tmp_path / "gates.py").write_text("HALF = 0.25")
    second = version(tmp_path)
    (tmp_path / "new_kernel.py").write_text("x = 1")
    assert len({first, second, version(tmp_path)}) == 3
    assert version() == version()


class ReadsItsCell(Stage):
    def __init__(self):
        super().__init__(3, 4)
        self.cell = LSTM(3, 4)

    def initial_state(self, batch):
        return self.cell.initial_state(batch)

    def step(self, x, state):
        y, state = self.cell.step(x, state)
        return y * self.cell.hidden_weight.mean(), state


def test_a_stage_that_reads_what_is_replaced_keeps_its_own_step():
    stage = Chain(ReadsItsCell()).eval().requires_grad_(False)
    assert [kernel.name for kernel in candidates(stage, bf16=True)] == ["fused"]
