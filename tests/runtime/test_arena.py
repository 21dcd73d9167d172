"""The arena: random open, close and step traffic against streams run alone."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.models.bundle.build import build_network
from streamer.models.layers.stage import Stage
from streamer.runtime.arena import Arena

ROWS = 5
TOLERANCE = 1e-5


def network() -> Stage:
    torch.manual_seed(0)
    options = dict(n_mels=4, stack=2, hidden_size=6, depth=2, delay=1, outputs=3)
    return build_network("acoustic_gru", options).eval()


NETWORK = network()
OPEN, CLOSE, STEP = "open", "close", "step"
ACTS = st.lists(
    st.tuples(st.sampled_from([OPEN, CLOSE, STEP, STEP]), st.sets(st.integers(1, ROWS), min_size=1)),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(ACTS, st.integers(0, 2**31), st.integers(0, 3))
@torch.inference_mode()
def test_streams_in_rows_are_streams_alone(acts, seed, padding):
    random = torch.Generator().manual_seed(seed)
    arena, alone = Arena(NETWORK, ROWS, torch.device("cpu")), {}
    for act, rows in acts:
        if act == OPEN:
            for row in rows - alone.keys():
                arena.open(row)
                alone[row] = NETWORK.initial_state(1)
        elif act == CLOSE:
            for row in rows:
                alone.pop(row, None)
        elif live := sorted(rows & alone.keys()):
            x = torch.randn(len(live) + padding, 2, 4, generator=random)
            x[len(live) :] = torch.nan
            which = torch.tensor(live + [0] * padding)
            y, state = NETWORK.step(x, arena.take(which))
            arena.put(which, state)
            for place, row in enumerate(live):
                own, alone[row] = NETWORK.step(x[place : place + 1], alone[row])
                assert torch.allclose(own[0], y[place], atol=TOLERANCE)
        for row, state in alone.items():
            for own, leaf in zip(state, arena.take(torch.tensor([row]))):
                assert torch.allclose(own, leaf, atol=TOLERANCE)


@torch.inference_mode()
def test_taken_states_are_copies():
    arena = Arena(NETWORK, 2, torch.device("cpu"))
    taken = arena.take(torch.tensor([1]))
    for leaf in taken:
        leaf.fill_(torch.nan)
    assert all(leaf.isfinite().all() for leaf in arena.take(torch.tensor([1])))
