"""What the gates of a network do along an input: recomputed from what its recurrent layers were given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.recurrent import GRU, LSTM, Recurrent, TextbookGRU
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State
from streamer.models.layers.whole import Whole

Step = Callable[[Tensor, State], tuple[Tensor, State]]
Calls = list[tuple[Tensor, State]]  # the inputs and states of a layer's steps, in order
Overheard = dict[str, tuple[Recurrent, Calls]]


class LayerGates(NamedTuple):
    """A recurrent layer and its gates: by name their values [steps, units], between 0 and 1."""

    name: str
    gates: dict[str, np.ndarray]


@torch.inference_mode()
def gates_along(network: Stage | Whole, x: Tensor) -> list[LayerGates]:
    """The gates of each gated layer over one whole input x [1, T, C], in the order they ran.

    A layer that reads backwards comes in its own order. ValueError where no layer has gates.
    """
    with _overheard(network) as heard:
        if isinstance(network, Stage):
            network(x)
        else:
            network(x, torch.tensor([x.shape[1]]))
    layers = []
    for name, (cell, calls) in heard.items():
        parts = [_gates(cell, inputs, state) for inputs, state in calls]
        gates = {gate: np.concatenate([part[gate] for part in parts]) for gate in (parts or [{}])[0]}
        if gates:
            layers.append(LayerGates(name, gates))
    if not layers:
        raise ValueError("no layer of this network has gates; take one of LSTM or GRU layers")
    return layers


@contextmanager
def _overheard(network: nn.Module) -> Iterator[Overheard]:
    """What each recurrent layer's `step` is given while the context lasts, by the layer's name."""
    heard: Overheard = {}
    for name, module in network.named_modules():
        if isinstance(module, Recurrent):
            heard[name] = (module, [])
            vars(module)["step"] = _hearing(module.step, heard[name][1])
    try:
        yield heard
    finally:
        for cell, _ in heard.values():
            del vars(cell)["step"]  # the class's own again


def _hearing(step: Step, calls: Calls) -> Step:
    def heard(x: Tensor, state: State) -> tuple[Tensor, State]:
        calls.append((x, state))
        return step(x, state)

    return heard


def _gates(cell: Recurrent, x: Tensor, state: State) -> dict[str, np.ndarray]:
    """The gates [steps, units] over x [1, T, C], stepped from `state`."""
    gates: dict[str, list[np.ndarray]] = {}
    nothing = tuple(torch.zeros_like(leaf) for leaf in state)
    for x_t in x.split(1, 1):
        given = x_t[:, 0]
        if isinstance(cell, SentenceLSTM):
            state = nothing if given[0, 0] > 0.5 else state
            given = given[:, 1:]
        for name, value in _opened(cell, given, state[0]).items():
            gates.setdefault(name, []).append(value[0].numpy())
        _, state = cell.step(x_t, state)
    return {name: np.array(values) for name, values in gates.items()}


def _opened(cell: Recurrent, x: Tensor, h: Tensor) -> dict[str, Tensor]:
    """The gates [1, units] of one step, by name; none of a cell without them."""
    from_input = F.linear(x, cell.input_weight, cell.input_bias)
    both = torch.sigmoid(from_input + F.linear(h, cell.hidden_weight, cell.hidden_bias)).chunk(cell.gates, 1)
    if isinstance(cell, LSTM):
        return {"input": both[0], "forget": both[1], "output": both[3]}
    if isinstance(cell, GRU | TextbookGRU):
        reset, update, _ = both
        # torch's update gate says how much stays, the textbook's how much is new.
        return {"reset": reset, "update": 1 - update if isinstance(cell, GRU) else update}
    return {}
