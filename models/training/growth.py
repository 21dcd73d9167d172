"""A trained network inside a larger one, which at first computes the same."""

import torch
from torch import Tensor

from models.stage import Stage

GATES = 3  # of a GRU, stacked along axis 0 of its weights


@torch.no_grad()
def grow(small: dict[str, Tensor], network: Stage) -> None:
    """Make `network`, an `acoustic_gru` with a projection, compute what the weights `small` compute.

    `small` are those of one without a projection, as wide as this one's projection, with as many
    layers or fewer. Units that are new listen from the start, and nothing hears them until the
    projection learns to (Chen 2016).
    """
    for name, grown in network.state_dict().items():
        if name in small and grown.shape == small[name].shape:
            grown.copy_(small[name])
        elif name in small:
            old = small[name].unflatten(0, (GATES, -1))
            gates, units = grown.unflatten(0, (GATES, -1)), old.shape[1]
            if name.endswith("hidden_weight"):
                gates[:, :units] = 0.0
                gates[:, :units, :units] = old
            else:
                gates[:, :units] = old
        elif name.endswith("projection_weight"):
            grown.zero_()
            if name.replace("projection_weight", "input_weight") in small:
                grown[:, : len(grown)].fill_diagonal_(1.0)
