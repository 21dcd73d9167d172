"""The laws, once, over every Stage and Whole."""

import importlib
from math import ceil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.models.bundle.verify import TOLERANCE, verify
from streamer.models.layers.generator import Looped
from streamer.models.layers.recurrent import Recurrent
from streamer.models.layers.stage import Stage
from streamer.models.layers.whole import Whole
from tests.stages import STAGES, WHOLES, fresh

BASES = {Stage, Whole, Recurrent, Looped}  # what others inherit from; they compute nothing
MODELS = Path(__file__).parents[3] / "models"


def test_every_stage_and_whole_is_in_the_lists():
    modules = [
        importlib.import_module(f"streamer.models.{folder}.{path.stem}")
        for folder in ("layers", "networks", "audio")
        for path in (MODELS / folder).glob("*.py")
    ]
    defined = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Stage | Whole)
    }
    listed = {type(part) for make in (STAGES | WHOLES).values() for part in make().modules()}
    assert {kind.__name__ for kind in defined - listed - BASES} == set()


@pytest.mark.parametrize("name", STAGES | WHOLES)
def test_every_law_holds(name):
    results = verify(fresh((STAGES | WHOLES)[name]))
    assert [(r.law, r.note) for r in results if not r.passed] == []


@pytest.mark.parametrize("name", STAGES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_stream_in_any_chunks_equals_the_whole(name, data):
    stage = fresh(STAGES[name])
    seed = data.draw(st.integers(0, 2**31), label="seed")
    x = torch.randn(
        data.draw(st.integers(1, 3), label="batch"),
        data.draw(st.integers(1, 4 * stage.block + stage.lookahead), label="steps"),
        stage.in_features,
        generator=torch.Generator().manual_seed(seed),
    )
    padded = torch.cat([x, stage.closing(x)], dim=1)
    state, outputs, left = stage.initial_state(len(x)), [], padded.shape[1] // stage.block
    while left:
        count = data.draw(st.integers(1, left), label="blocks")
        start = padded.shape[1] - left * stage.block
        y, state = stage.step(padded[:, start : start + count * stage.block], state)
        outputs.append(y)
        left -= count
    wanted = stage(x)
    streamed = torch.cat(outputs, dim=1)[:, stage.warmup :][:, : ceil(x.shape[1] * stage.ratio)]
    assert streamed.shape == wanted.shape
    torch.testing.assert_close(streamed, wanted, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("name", STAGES)
def test_a_stream_of_nothing_gives_nothing(name):
    stage = fresh(STAGES[name])
    assert stage(torch.zeros(2, 0, stage.in_features)).shape == (2, 0, stage.out_features)


@pytest.mark.parametrize("name", WHOLES)
def test_a_whole_has_no_step(name):
    results = verify(fresh(WHOLES[name]))
    assert {r.law for r in results if not r.applies} == {"cuts", "shape", "honesty", "drain"}
    assert not hasattr(fresh(WHOLES[name]), "step")
