"""Weights with torch's names, those of nn.LSTM, nn.GRU, nn.RNN and nn.Linear, as weights of our networks."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

LAYER = re.compile(r"(?:(.+)\.)?(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l(\d+)(_reverse)?")
Name = tuple[str, int, str]  # what it is, its layer, "" or "_reverse"
CELLS = {1: "rnn", 3: "gru", 4: "lstm"}  # by their gates, which torch orders as we do
OURS = {
    "weight_ih": "input_weight",
    "weight_hh": "hidden_weight",
    "weight_hr": "projection_weight",
    "bias_ih": "input_bias",
    "bias_hh": "hidden_bias",
}


class Imported(NamedTuple):
    """A network of `NETWORKS` by its architecture, its options without `outputs`, and its weights."""

    architecture: str
    options: dict[str, Any]
    outputs: int
    weights: dict[str, Tensor]


def from_torch(tensors: Mapping[str, Tensor]) -> Imported:
    """The network of one nn.LSTM, nn.GRU or nn.RNN (tanh) and an nn.Linear after it, from its state_dict.

    Any number of layers, one or both directions, with or without biases and (LSTM) a projection. A bias
    that is not there is zero; without an nn.Linear the outputs are those of the last layer. ValueError,
    one line, for tensors of anything else.
    """
    layers = {name: match for name in tensors if (match := LAYER.fullmatch(name))}
    modules = sorted({match[1] or "" for match in layers.values()})
    if len(modules) != 1:
        raise ValueError(
            f"wanted the weights of one nn.LSTM, nn.GRU or nn.RNN, such as lstm.weight_ih_l0; "
            f"there are {', '.join(modules) or 'none'}"
        )
    named = {(m[2], int(m[3]), m[4] or ""): tensors[name].float() for name, m in layers.items()}
    options = _options(named)
    both = ("weight_ih", 0, "_reverse") in named
    width = (options["projection"] or options["hidden_size"]) * (2 if both else 1)
    rest = {name: tensor for name, tensor in tensors.items() if name not in layers}
    weight, bias = _linear(rest, width)
    depth = options["depth"]
    head = "map" if both else f"stages.{depth}.map"
    weights = {f"{head}.weight": weight, f"{head}.bias": bias}
    for layer in range(depth):
        for way in ("", "_reverse") if both else ("",):
            place = f"layers.{layer}.{'back' if way else 'ahead'}" if both else f"stages.{layer}"
            weights |= {f"{place}.{name}": tensor for name, tensor in _layer(named, layer, way).items()}
    return Imported("recurrent_bidirectional" if both else "recurrent", options, len(weight), weights)


def _options(named: Mapping[Name, Tensor]) -> dict[str, Any]:
    """The options of `recurrent` that the shapes of the first layer and the count of layers tell."""
    first, hidden = named.get(("weight_ih", 0, "")), named.get(("weight_hh", 0, ""))
    projection = named.get(("weight_hr", 0, ""))
    if first is None or hidden is None or not first.dim() == hidden.dim() == 2:
        raise ValueError("weight_ih_l0 or weight_hh_l0 is missing or no matrix")
    hidden_size = hidden.shape[1] if projection is None else projection.shape[1]
    gates = len(first) / hidden_size
    if gates not in CELLS:
        raise ValueError(
            f"weight_ih_l0 has {len(first)} rows for {hidden_size} units; "
            "an nn.RNN has as many, an nn.GRU 3 times and an nn.LSTM 4 times as many"
        )
    return {
        "in_features": first.shape[1],
        "hidden_size": hidden_size,
        "depth": 1 + max(layer for _, layer, _ in named),
        "cell": CELLS[int(gates)],
        "projection": 0 if projection is None else len(projection),
    }


def _layer(named: Mapping[Name, Tensor], layer: int, way: str) -> dict[str, Tensor]:
    """The weights of one layer in one direction, under our names; biases that are not there are zero."""
    given = {OURS[name]: t for (name, number, back), t in named.items() if (number, back) == (layer, way)}
    for name in ("weight_ih", "weight_hh"):
        if OURS[name] not in given:
            raise ValueError(f"{name}_l{layer}{way} is missing")
    rows = len(given["input_weight"])
    return {"input_bias": torch.zeros(rows), "hidden_bias": torch.zeros(rows)} | given


def _linear(rest: Mapping[str, Tensor], width: int) -> tuple[Tensor, Tensor]:
    """Weight [outputs, width] and bias of the one nn.Linear in `rest`; none: the identity."""
    if not rest:
        return torch.eye(width), torch.zeros(width)
    weights = [name for name in rest if name == "weight" or name.endswith(".weight")]
    module = weights[0].removesuffix("weight") if weights else ""
    extra = [name for name in rest if name not in (f"{module}weight", f"{module}bias")]
    if len(weights) != 1 or extra or rest[weights[0]].dim() != 2:
        names = ", ".join(sorted(extra or rest))
        raise ValueError(
            f"{names}: only one recurrent module and one nn.Linear after it are imported; "
            "write a network of your own for more"
        )
    weight = rest[weights[0]].float()
    if weight.shape[1] != width:
        raise ValueError(f"{weights[0]} takes {weight.shape[1]} features; the last layer gives {width}")
    bias = rest.get(f"{module}bias")
    return weight, torch.zeros(len(weight)) if bias is None else bias.float()
