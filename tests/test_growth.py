"""A network grown wider and deeper computes what it did; a room's echo falls as a room's does."""

import numpy as np
import torch

from models.build import build_network
from models.training.augment import echo
from models.training.growth import grow

TOLERANCE = 1e-5
SMALL = dict(n_mels=8, stack=3, hidden_size=12, depth=2, delay=2, outputs=5)


def test_a_grown_network_computes_the_same_and_can_learn_more():
    torch.manual_seed(0)
    small = build_network("acoustic_gru", SMALL)
    grown = build_network("acoustic_gru", SMALL | dict(hidden_size=20, projection=12, depth=3))
    grow(small.state_dict(), grown)
    x = torch.randn(2, 30, 8)
    wanted, _ = small.step(x, small.initial_state(2))
    y, _ = grown.step(x, grown.initial_state(2))
    torch.testing.assert_close(y, wanted, rtol=TOLERANCE, atol=TOLERANCE)
    y.square().mean().backward()
    heard = [p.grad[:, 12:] for name, p in grown.named_parameters() if "projection" in name]
    assert len(heard) == 3 and all(gradient.abs().max() > 0 for gradient in heard)


def test_an_echo_follows_the_sound_and_falls_steadily():
    power = np.zeros((60, 4), np.float32)
    power[10] = 1.0
    tail = echo(power, np.random.default_rng(2))
    assert not tail[:11].any() and (tail[11:] > 0).all()
    falls = tail[12:] / tail[11:-1]
    np.testing.assert_allclose(falls, falls[0, 0], rtol=1e-3)
    assert 10 ** (-0.06 / 0.15) <= falls[0, 0] <= 10 ** (-0.06 / 0.6)
