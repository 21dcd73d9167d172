"""The loss of the spotter: words marked once, close to their end, and nothing else said."""

import torch
from torch import Tensor
from torch.nn import functional as F

from streamer.models.datasets.command_shards import BLANK, UNKNOWN, UNLABELLED, WORDS
from streamer.models.training.speech.command_streams import (
    EARLY_ROWS,
    LATE_ROWS,
    OTHER_WORD,
    SILENT,
    SPEAKING,
    UNKNOWN_TEXT,
)

PROSAIC = [BLANK, UNKNOWN, *map(WORDS.index, "no up down left right on off go one two three".split())]
WINDOW = EARLY_ROWS + LATE_ROWS + 1
RUNS = (2, 3)  # how many rows a word is said for
WORD_WEIGHT = 2.0  # of the vocabulary's words: they are few, and a network that says nothing learns late
OTHER_WEIGHT = 0.5  # of the words outside it, whose places matter little
PER_ROW = 10.0  # scale of the mean over rows, so that the phones' loss is of the same size


def spotting_loss(logits: Tensor, duties: Tensor, windows: Tensor, weights: Tensor) -> Tensor:
    """-ln p of what the streams are to say; logits [B, n, words].

    In the window of a word of the vocabulary the loss is CTC's, over every place that a run of
    `RUNS` rows of the word has, with blank or unknown round it. Windows that reach past the
    outputs are left out.
    """
    rows = F.log_softmax(logits, -1)
    duties = duties[:, : logits.shape[1]]
    neither = torch.logaddexp(rows[..., BLANK], rows[..., UNKNOWN])
    loss = -(rows[..., BLANK] * (duties == SILENT)).sum()
    loss -= (neither * (duties == SPEAKING)).sum()
    loss -= OTHER_WEIGHT * (rows[..., UNKNOWN] * (duties == OTHER_WORD)).sum()
    # Speech without a text may hold the words that prose holds; for the others it is too seldom right.
    loss -= (rows[..., PROSAIC].logsumexp(-1) * (duties == UNKNOWN_TEXT)).sum()
    loss += WORD_WEIGHT * _window_loss(rows, neither, windows, weights)
    return PER_ROW * loss / duties.numel()


def phone_loss(logits: Tensor, phones: Tensor) -> Tensor:
    """Cross-entropy of the phone that sounds in each row, where it is known."""
    phones = phones[:, : logits.shape[1]]
    return F.cross_entropy(logits.transpose(1, 2), phones, ignore_index=UNLABELLED)


def _window_loss(rows: Tensor, neither: Tensor, windows: Tensor, weights: Tensor) -> Tensor:
    inside = windows[:, 2] < rows.shape[1]
    batch, first, last, label = windows[inside].unbind(1)
    at = first[:, None] + torch.arange(WINDOW)
    within = at <= last[:, None]
    at = at.clamp(max=rows.shape[1] - 1)
    silent = torch.where(within, neither[batch[:, None], at], 0.0)
    gain = rows[batch[:, None], at, label[:, None]] - neither[batch[:, None], at]
    gain = torch.where(within, gain, -1e4)
    runs = [gain.unfold(1, count, 1).sum(-1) for count in RUNS]
    likelihood = silent.sum(1) + torch.logsumexp(torch.cat(runs, 1), 1)
    return -(likelihood * weights[inside]).sum()
