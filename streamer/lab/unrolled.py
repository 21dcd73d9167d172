"""Back-propagation through time, looked into: how much of a loss's gradient reaches each earlier step."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.bundle.build import Model
from streamer.models.datasets.agreement_rows import AgreementRow
from streamer.models.feeders.encoders import reading
from streamer.models.layers.recurrent import Recurrent
from streamer.models.networks.agreement_network import AgreementLive
from streamer.models.text.words import WordsEncoder
from streamer.models.training.tbptt import jacobians

LEAST = 1e-12  # below any gradient that float32 distinguishes from none


class Reach(NamedTuple):
    """Norms of a gradient by distance: median and quartiles over sentences, relative to distance 0."""

    distance: list[int]
    median: list[float]
    low: list[float]
    high: list[float]


def gradient_norms(network: AgreementLive, x: Tensor, numbers: Tensor) -> np.ndarray:
    """|dL/da_k| [B, T] by distance t - k, of sentences x [B, T, C] of one length that begin here.

    L: nats of the verb's number after the last word. a_k is the state after word k: of an LSTM
    a and c side by side. Each is what the product of the Jacobians from k to t makes of the
    gradient at t.
    """
    cell, inputs, states = network.recurrent.cell, network.inputs(x)[..., 1:], []
    state = cell.initial_state(len(x))
    with torch.enable_grad(), _step_by_step():
        for x_t in inputs.detach().split(1, 1):
            # Each state a variable of its own, so that its gradient is what later steps leave of it.
            _, state = cell.step(x_t, tuple(leaf.requires_grad_() for leaf in state))
            states.append(state)
        loss = F.cross_entropy(network.number(states[-1][0]), numbers, reduction="sum")
        leaves = [leaf for state in states for leaf in state]
        gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    squares = torch.stack(
        [loss.new_zeros(len(x)) if grad is None else grad.square().sum(1) for grad in gradients]
    )
    by_step = squares.reshape(len(states), -1, len(x)).sum(1)
    return by_step.sqrt().flip(0).T.numpy()


def reach(network: AgreementLive, texts: Sequence[tuple[Tensor, int]], most: int) -> Reach:
    """How the gradient falls with distance up to `most`, over sentences longer than that."""
    by_length = sorted(texts, key=lambda text: text[0].shape[1])
    batches = []
    for _, batch in groupby(by_length, key=lambda text: text[0].shape[1]):
        rows, numbers = zip(*batch)
        batches.append(gradient_norms(network, torch.cat(rows), torch.tensor(numbers))[:, : most + 1])
    norms = np.concatenate(batches).astype(np.float64)
    shares = np.maximum(norms / np.maximum(norms[:, :1], LEAST), LEAST)
    low, median, high = np.quantile(shares, (0.25, 0.5, 0.75), axis=0).tolist()
    return Reach(list(range(most + 1)), median, low, high)


def product_norms(cell: Recurrent, inputs: Tensor) -> np.ndarray:
    """|d s_t / d s_k| [T], the largest singular value, by distance t - k; inputs [1, T, C] of the layer."""
    with _step_by_step():
        steps = jacobians(cell, inputs.detach(), cell.initial_state(1)).detach()
    product, norms = torch.eye(steps.shape[-1]), []
    for jacobian in steps.flip(0):
        norms.append(float(torch.linalg.matrix_norm(product, 2)))
        product = product @ jacobian
    return np.array(norms)


@contextmanager
def _step_by_step() -> Iterator[None]:
    """Without mkldnn, whose LSTM is made for whole sequences: single steps of it are ten times slower."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks of GPUs when it is switched
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def agreement_network(model: Model) -> AgreementLive:
    """The network of a model of agreement."""
    if not isinstance(model.network, AgreementLive):
        raise ValueError(f"{model.name} is no network of agreement")
    return model.network


def words_encoder(model: Model) -> WordsEncoder:
    """What encodes the words of a model of agreement."""
    encoder = reading(model.card, model.folder).encoder
    if not isinstance(encoder, WordsEncoder):
        raise ValueError(f"{model.name} reads other things than words")
    return encoder


def encoded(encoder: WordsEncoder, rows: Sequence[AgreementRow]) -> list[tuple[Tensor, int]]:
    """Each row's steps x [1, T, C] and its number."""
    texts = []
    for row in rows:
        steps = [encoder.steps(word, first=not at) for at, word in enumerate(row.words)]
        texts.append((torch.from_numpy(np.concatenate(steps))[None], row.number))
    return texts
