"""Layers without recurrence: linear maps, activations, norms, frame stacking, delay."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor, nn

from streamer.models.layers.stage import Stage, State


class Linear(Stage):
    """y = W x + b at every step."""

    def __init__(self, in_features: int, out_features: int):
        super().__init__(in_features, out_features)
        self.map = nn.Linear(in_features, out_features)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.map(x), state


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "log_softmax": partial(torch.log_softmax, dim=-1),
}


class Activation(Stage):
    """y = g(x) at every step, g by its name: the g of y = g(W_ya a + b_y) after a Linear."""

    def __init__(self, features: int, name: str):
        if name not in ACTIVATIONS:
            raise ValueError(f"activation {name!r} is unknown; there are {', '.join(ACTIVATIONS)}")
        super().__init__(features, features)
        self.function = ACTIVATIONS[name]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.function(x), state


class LayerNorm(Stage):
    """Layer normalisation over the features of each step (Ba 2016)."""

    def __init__(self, features: int):
        super().__init__(features, features)
        self.norm = nn.LayerNorm(features)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.norm(x), state


class Standardize(Stage):
    """(x - mean) / deviation with statistics of the training data, stored beside the weights."""

    def __init__(self, features: int, neutral: float = 0.0):
        super().__init__(features, features, neutral)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return (x - self.mean) / self.deviation, state


class Stack(Stage):
    """`count` neighbouring steps side by side as one: [B, count*n, C] -> [B, n, count*C]."""

    def __init__(self, in_features: int, count: int, neutral: float = 0.0):
        super().__init__(in_features, in_features * count, neutral)
        self.block, self.ratio = count, Fraction(1, count)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        batch, steps, _ = x.shape
        return x.reshape(batch, steps // self.block, self.out_features), state


class Dropout(Stage):
    """`dropout` as a Stage."""

    def __init__(self, features: int, p: float):
        super().__init__(features, features)
        self.p = p

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return dropout(x, self.p, self.training), state


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """In training a share p of the numbers of x zeroed, to 1/256, and the others scaled up; else x.

    Srivastava 2014. A byte of noise serves a number: on a CPU torch's own dropout, which draws a number
    for each, takes a fifth of an update.
    """
    if not (training and p):
        return x
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    zeroed = round(256 * p)
    kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= zeroed
    return x * kept * (256 / (256 - zeroed))


class Delay(Stage):
    """Lets the stages after it see `steps` steps past the one that they answer for.

    The numbers pass unchanged; the declared lookahead makes output t the input t + steps.
    """

    def __init__(self, features: int, steps: int):
        super().__init__(features, features)
        self.lookahead = steps

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x, state
