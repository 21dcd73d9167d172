"""The loss of a translator: cross-entropy of each unit of a target, given the units before it."""

from math import log

import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.datasets.sentence_pairs import PairBatch
from streamer.models.layers.attention import Attended, AttentionDecoder
from streamer.models.layers.wait_k import prefixes
from streamer.models.layers.word_embedding import table_ids
from streamer.models.networks.translator_live import SOURCE_END, TranslateLive
from streamer.models.networks.translator_offline import TranslateOffline
from streamer.models.text.pieces import BEGINS, COMPLETES, PIECE

WAITS = (1, 3, 5, 9)  # words that a live network learns to wait for, drawn for each sentence


def loss_of(
    network: TranslateLive | TranslateOffline, batch: PairBatch, negatives: int, smoothing: float
) -> Tensor:
    """Nats per unit of the targets, their ends included, with label smoothing (Szegedy 2016)."""
    x, lengths = torch.from_numpy(batch.x), torch.from_numpy(batch.lengths)
    units = torch.from_numpy(batch.units)
    if isinstance(network, TranslateLive):
        memory, embeddings, prefix = _encoded_live(network, x, lengths, units.shape[1])
    else:
        memory, embeddings, _ = network.encode(x, lengths)
        prefix = lengths[:, None].expand_as(units)
    outputs = teacher_forced(network.decoder, units, memory, embeddings, prefix)
    counted = units >= 0
    return _sampled_loss(network.decoder, outputs[counted], units[counted], negatives, smoothing)


def teacher_forced(
    decoder: AttentionDecoder, units: Tensor, memory: Tensor, embeddings: Tensor, prefix: Tensor
) -> Tensor:
    """The decoder's output at each place [B, S, size], given the reference's units before it.

    The source is a memory [B, T, H] and the pieces' own vectors [B, T, size], of which the first
    `prefix` [B, S] are visible there.
    """
    before = F.pad(units[:, :-1].clamp(min=0), (1, 0))
    gates, state = decoder.input_gates(before), decoder.initial_state(memory)
    outputs: list[Tensor] = []
    slots = torch.arange(memory.shape[1])
    for place in range(units.shape[1]):
        source = Attended(memory, embeddings, slots < prefix[:, place, None])
        position = torch.full((len(units),), place)
        output, state = decoder.advance(gates[:, place], position, source, state)
        outputs.append(output)
    return F.dropout(torch.stack(outputs, 1), decoder.dropout, decoder.training)


def _encoded_live(
    network: TranslateLive, x: Tensor, lengths: Tensor, units: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Memory and own vectors with the sentence's end, and the prefixes of a k that each row draws."""
    ids = F.pad(table_ids(x[..., PIECE], network.pieces.num_embeddings), (0, 1))
    ids.scatter_(1, lengths[:, None], SOURCE_END)
    first = torch.zeros_like(ids, dtype=torch.bool)
    first[:, 0] = True
    state = network.initial_state(len(x))[:4]
    memory, embeddings, _ = network.encode(first, ids, state)
    wait = torch.tensor(WAITS)[torch.randint(len(WAITS), (len(x),))]
    begins, completes = x[..., BEGINS].long(), x[..., COMPLETES].long()
    return memory, embeddings, prefixes(begins, completes, lengths, wait, network.slots, units)


def _sampled_loss(
    decoder: AttentionDecoder, outputs: Tensor, units: Tensor, negatives: int, smoothing: float
) -> Tensor:
    """Cross-entropy against the batch's own units and `negatives` others, which stand for the rest.

    Jean 2015. With 0 negatives, or more than there are, it is exact.
    """
    own = torch.unique(units)
    others = torch.ones(len(decoder.bias), dtype=torch.bool)
    others[own] = False
    others = others.nonzero()[:, 0]
    if not negatives or negatives >= len(others):
        logits, targets = decoder.logits(outputs), units
    else:
        drawn = others[torch.randperm(len(others))[:negatives]]
        listed = torch.cat([own, drawn])
        weight = torch.zeros(len(listed))
        weight[len(own) :] = log(len(others) / negatives)
        logits = F.linear(outputs, decoder.embedding.weight[listed], decoder.bias[listed] + weight)
        targets = torch.searchsorted(own, units)
    return F.cross_entropy(logits, targets, label_smoothing=smoothing)
