"""What a translator learns from: cross-entropy of a target after the reference's own beginning."""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.datasets.sentence_pairs import Batch
from streamer.models.layers import waiting
from streamer.models.layers.attention import AttentionDecoder
from streamer.models.layers.stage import Stage
from streamer.models.layers.word_embedding import table_ids
from streamer.models.networks.translator_live import SOURCE_END
from streamer.models.text.pieces import BEGINS, COMPLETES, PIECE

WAITS = (1, 3, 5, 9)  # words that a live network learns to wait for, drawn for each sentence


def loss_of(network: nn.Module, some: Batch, strangers: int, smoothing: float) -> Tensor:
    """Nats per unit of the targets, their ends included, with label smoothing (Szegedy 2016)."""
    x, lengths = torch.from_numpy(some.x), torch.from_numpy(some.lengths)
    units = torch.from_numpy(some.units)
    if isinstance(network, Stage):
        memory, own, prefix = _heard(network, x, lengths, units.shape[1])
    else:
        memory, own, _ = network.read(x, lengths)
        prefix = lengths[:, None].expand_as(units)
    said = speak(network.decoder, units, memory, own, prefix)
    counted = units >= 0
    return _told_from(network.decoder, said[counted], units[counted], strangers, smoothing)


def speak(decoder: AttentionDecoder, units: Tensor, memory: Tensor, own: Tensor, prefix: Tensor) -> Tensor:
    """What to say at each place [B, S, size] after the reference's units before it.

    Of the source the first `prefix` [B, S] pieces are visible there.
    """
    before = F.pad(units[:, :-1].clamp(min=0), (1, 0))
    told, state, said = decoder.told(before), decoder.initial_state(memory), []
    slots = torch.arange(memory.shape[1])
    for place in range(units.shape[1]):
        visible = slots < prefix[:, place, None]
        at = torch.full((len(units),), place)
        one, state = decoder.advance(told[:, place], at, memory, own, visible, state)
        said.append(one)
    said = torch.stack(said, 1)
    return F.dropout(said, decoder.dropout, decoder.training)


def _heard(network: nn.Module, x: Tensor, lengths: Tensor, units: int) -> tuple[Tensor, Tensor, Tensor]:
    """Memory and own vectors with the sentence's end, and the prefixes of a k that each row draws."""
    ids = F.pad(table_ids(x[..., PIECE], network.pieces.num_embeddings), (0, 1))
    ids.scatter_(1, lengths[:, None], SOURCE_END)
    first = torch.zeros_like(ids, dtype=torch.bool)
    first[:, 0] = True
    state = network.initial_state(len(x))[:4]
    memory, own, _ = network.hear(first, ids, state)
    wait = torch.tensor(WAITS)[torch.randint(len(WAITS), (len(x),))]
    begins, completes = x[..., BEGINS].long(), x[..., COMPLETES].long()
    return memory, own, waiting.prefixes(begins, completes, lengths, wait, network.slots, units)


def _told_from(
    decoder: AttentionDecoder, said: Tensor, units: Tensor, strangers: int, smoothing: float
) -> Tensor:
    """Cross-entropy against the batch's own units and `strangers` others, which stand for all others (Jean 2015)."""
    most = len(decoder.bias)
    own = torch.unique(units)
    others = torch.ones(most, dtype=torch.bool)
    others[own] = False
    others = others.nonzero()[:, 0]
    if not strangers or strangers >= len(others):
        logits, wanted = decoder.logits(said), units
    else:
        some = others[torch.randperm(len(others))[:strangers]]
        known = torch.cat([own, some])
        weight = torch.zeros(len(known))
        weight[len(own) :] = log(len(others) / strangers)
        logits = F.linear(said, decoder.embedding.weight[known], decoder.bias[known] + weight)
        wanted = torch.searchsorted(own, units)
    return F.cross_entropy(logits, wanted, label_smoothing=smoothing)
