"""A small composer with random weights, in a folder like any user's own."""

from pathlib import Path

from tests.tiny_model import write_random

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


def write_composer(folder: Path) -> Path:
    """The model in `folder`, which may exist."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_random(folder, CARD, seed=3)
