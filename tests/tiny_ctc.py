"""A small CTC network with random weights that writes letters, in a folder like any user's own."""

from pathlib import Path

from tests.tiny_model import OFFLINE, write_random

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


def write_ctc(folder: Path, network: str = OFFLINE) -> Path:
    """A model in the new `folder`; what it says changes with what it hears."""
    folder.mkdir(parents=True)
    return write_random(folder, CARD.format(network=network), seed=7)
