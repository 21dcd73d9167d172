"""A small network with random weights, in a folder like any user's own."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from streamer.models.bundle.build import build_network
from streamer.models.card import read_card

CARD = """
name = "tiny"
task = "{task}"
description = "Random weights, for tests."
licence = "CC0-1.0"
command = "none"

[front]
architecture = "log_mel"
sample_rate_hz = 16000
n_mels = 10
n_fft = 512
hop_length = 160

[network]
n_mels = 10
stack = 4
hidden_size = 16
depth = 1
{network}

[reader]
kind = "argmax"

[labels]
words = ["", "yes", "no", " "]
"""


LIVE = 'architecture = "acoustic_gru"\ndelay = 1'
OFFLINE = 'architecture = "acoustic_bidirectional"'


def write_model(folder: Path, task: str = "captions", network: str = LIVE) -> Path:
    """A model of `task` in the new `folder`; what it says changes with what it hears."""
    folder.mkdir(parents=True)
    return write_random(folder, CARD.format(task=task, network=network), seed=5)


def write_random(folder: Path, card: str, seed: int) -> Path:
    """A card and random weights for it, scaled up so that what is said depends on what came before."""
    (folder / "card.toml").write_text(card)
    loaded = read_card(folder)
    torch.manual_seed(seed)
    network = build_network(loaded.network.architecture, loaded.network.options | {"outputs": loaded.outputs})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    save_file(network.state_dict(), folder / "weights.safetensors")
    return folder
