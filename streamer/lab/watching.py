"""The gradient's reach while a network trains: measured at each check of its training."""

from collections.abc import Sequence

import torch

from streamer.lab import sample
from streamer.lab.unrolled import encoded, reach
from streamer.models.datasets.agreement_rows import Row
from streamer.models.networks.agreement_network import AgreementLive
from streamer.models.text.words import WordsEncoder

DISTANCES = (1, 2, 4, 8, 16, 24)
WATCHED = 60  # sentences


def watched(words: Sequence[str], network: AgreementLive) -> dict[str, float]:
    """The share of the gradient left at each of `DISTANCES`: medians, keys `gradient_at_D`."""
    # A training checks its network where gradients are forbidden.
    with torch.inference_mode(False):
        found = reach(network, encoded(WordsEncoder(words), long_rows()[:WATCHED]), max(DISTANCES))
    return {f"gradient_at_{distance}": found.median[distance] for distance in DISTANCES}


def long_rows() -> list[Row]:
    """The shipped rows that are longer than the farthest distance."""
    rows = sample.rows("natural") + sample.rows("1attractor")
    return [row for row in rows if len(row.words) > max(DISTANCES)]
