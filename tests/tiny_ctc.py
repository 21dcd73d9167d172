"""A small CTC network with random weights that writes letters, in a folder like any user's own."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from streamer.models.bundle.build import build_network
from streamer.models.card import read_card

CARD = """
name = "tiny-ctc"
task = "captions"
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
{network}
n_mels = 10
stack = 4
hidden_size = 8
depth = 1

[reader]
kind = "greedy_ctc"

[labels]
words = ["", "a", "b", "c", "d", " "]
"""


OFFLINE = 'architecture = "acoustic_bidirectional"'
LIVE = 'architecture = "acoustic_gru"\ndelay = 1'


def write_ctc(folder: Path, network: str = OFFLINE) -> Path:
    """A model in the new `folder`; what it says changes with what it hears."""
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD.format(network=network))
    card = read_card(folder)
    torch.manual_seed(7)
    network = build_network(card.network.architecture, card.network.options | {"outputs": card.outputs})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    save_file(network.state_dict(), folder / "weights.safetensors")
    return folder
