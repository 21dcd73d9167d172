"""CTC-CRF: the denominator is the sum over all paths, and its gradient is theirs."""

import itertools

import numpy as np
import pytest
import torch

from streamer.models.training.speech.crf import PhoneTrigram, denominator

LABELS, STEPS = 4, 4


@pytest.fixture
def trigram():
    return PhoneTrigram([np.array([1, 2, 3, 1, 1, 2]), np.array([3, 3, 2])], LABELS)


def by_hand(rows: torch.Tensor, trigram: PhoneTrigram) -> torch.Tensor:
    """ln of the sum over every path of rows [T, labels], one by one."""
    total = torch.zeros(())
    for path in itertools.product(range(LABELS), repeat=STEPS):
        worth, history, before = torch.ones(()), [0, 0], 0
        for row, label in zip(rows, path):
            worth = worth * row[label].exp()
            if label and label != before:
                worth = worth * float(trigram.probabilities[history[-2], history[-1], label])
                history.append(label)
            before = label
        total = total + worth
    return total.log()


def test_a_trigram_is_a_distribution_that_knows_what_it_saw(trigram):
    seen = trigram.probabilities
    assert np.allclose(seen.sum(-1), 1.0) and not seen[..., 0].any()
    assert seen[1, 2].argmax() == 3 and seen[3, 1].argmax() == 1


def test_the_denominator_and_its_gradient_are_those_of_all_paths(trigram):
    torch.manual_seed(0)
    values = torch.randn(2, STEPS, LABELS).log_softmax(-1)
    rows, same = (values.clone().requires_grad_() for _ in range(2))
    ours = denominator(rows, trigram)
    theirs = torch.stack([by_hand(row, trigram) for row in same])
    assert torch.allclose(ours, theirs, atol=1e-5)
    weights = torch.tensor([1.0, 3.0])
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    assert torch.allclose(rows.grad, same.grad, atol=1e-5)


def test_long_rows_neither_vanish_nor_overflow(trigram):
    rows = (30 * torch.randn(1, 2000, LABELS)).log_softmax(-1).requires_grad_()
    total = denominator(rows, trigram)
    total.sum().backward()
    assert torch.isfinite(total).all() and torch.allclose(rows.grad.sum(-1), torch.ones(1, 2000), atol=1e-3)
