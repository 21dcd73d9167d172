"""A small composer with random weights, in a folder like any user's own."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from streamer.models.bundle.build import build_network
from streamer.models.card import read_card

CARD = """
name = "tiny"
task = "music"
licence = "CC0-1.0"

[feeder]
kind = "composer"
steps_per_beat = 4
tempo = 120.0

[network]
architecture = "composer"
voices = [30, 30]
lowest = [55, 40]
order = [0, 1]
hidden_size = 12
depth = 1
inner_size = 10

[reader]
kind = "notes"

[labels]
soprano = ["symbol", "log-probability", "likeliest symbol"]
bass = ["symbol", "log-probability", "likeliest symbol"]
"""


def write_composer(folder: Path, card: str = CARD, gain: float = 3.0) -> Path:
    """Write the model; the weights are scaled up so that what is drawn depends on what came before."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.toml").write_text(card)
    loaded = read_card(folder)
    torch.manual_seed(3)
    network = build_network(loaded.network.architecture, loaded.network.options | {"outputs": loaded.outputs})
    save_file({k: gain * v for k, v in network.state_dict().items()}, folder / "weights.safetensors")
    return folder
