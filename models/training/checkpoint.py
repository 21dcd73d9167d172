"""Checkpoints of a training run: weights, optimiser and counters in one safetensors file."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save as encoded
from torch import nn

from streamer.output_file import write_bytes


def save(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, meta: dict) -> None:
    """Write a checkpoint; a run that is killed leaves its last one whole."""
    tensors = {f"network.{k}": v.contiguous() for k, v in network.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"optimizer.{number}.{name}"] = torch.as_tensor(value).contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, encoded(tensors, {"meta": json.dumps(meta)}))


def restore(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> dict:
    """Load what `save` wrote into `network` and `optimizer`; the meta dictionary comes back."""
    state: dict[int, dict] = {}
    weights = {}
    with safe_open(path, "pt") as file:
        for key in file.keys():  # noqa: SIM118 - the file is no mapping: it has keys() alone
            kind, _, rest = key.partition(".")
            if kind == "network":
                weights[rest] = file.get_tensor(key)
            else:
                number, _, name = rest.partition(".")
                state.setdefault(int(number), {})[name] = file.get_tensor(key)
        meta = json.loads(file.metadata()["meta"])
    network.load_state_dict(weights)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return meta
