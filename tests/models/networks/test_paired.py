"""Two networks over one recording: rows that say the same are averaged, and the card is what pairs them."""

import numpy as np
import pytest
import torch

from streamer.models.bundle.build import load
from streamer.models.kernels.row_alignment import aligned_rows
from streamer.models.networks.paired_network import Paired
from tests.tiny_model import LIVE, OFFLINE, write_model

PARTNER = '[partner]\nmodel = "../live"\nshare = 0.25\n\n[labels]'


def said(rows: int, phones: dict[int, int]) -> np.ndarray:
    """Probabilities [rows, 4] of a recogniser that is sure: `phones` by row, the blank elsewhere."""
    probabilities = np.full((rows, 4), 0.01, np.float32)
    for row in range(rows):
        probabilities[row, phones.get(row, 0)] = 0.97
    return probabilities


def test_rows_that_say_the_same_are_found():
    own = said(60, {10: 1, 14: 2, 30: 3, 34: 1, 50: 2})
    # The first words three rows sooner, the next ones a row, the last one as soon.
    other = said(60, {7: 1, 11: 2, 29: 3, 33: 1, 50: 2})
    places = aligned_rows(own, other)
    assert [places[row] for row in (10, 14, 30, 34, 50)] == [7, 11, 29, 33, 50]


def test_rows_too_far_apart_stay_apart():
    places = aligned_rows(said(60, {30: 1}), said(60, {10: 1}))
    assert np.abs(places - np.arange(60)).max() <= 6


def test_no_rows_are_no_places():
    assert aligned_rows(said(0, {}), said(0, {})).shape == (0,)
    assert aligned_rows(said(1, {}), said(1, {})).tolist() == [0]


@pytest.fixture
def whole(tmp_path):
    """The folder of an offline model, and a live one beside it that is its partner."""
    write_model(tmp_path / "live", network=LIVE)
    folder = write_model(tmp_path / "whole", network=OFFLINE)
    card = folder / "card.toml"
    card.write_text(card.read_text().replace("[labels]", PARTNER))
    return folder


def test_the_card_pairs_them(whole):
    model = load(whole)
    assert isinstance(model.network, Paired)
    lengths = torch.tensor([80, 52])
    x = torch.randn(2, 80, 10)
    rows = model.network(x, lengths)
    assert rows.shape == (2, 20, 4)
    assert not any(p.requires_grad for p in model.network.parameters()) and not model.network.training


def test_the_mean_lies_between_them(whole):
    network = load(whole).network
    x = torch.randn(1, 80, 10)
    own = network.whole(x, torch.tensor([80])).log_softmax(-1)
    other = network.stage(x).log_softmax(-1)
    places = aligned_rows(own[0].exp().numpy(), other[0].exp().numpy())
    wanted = 0.75 * own + 0.25 * other[:, torch.from_numpy(places)]
    torch.testing.assert_close(network(x, torch.tensor([80])), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "old,new,part",
    [
        ('"../live"', '"../nobody"', "partner.model"),
        ('"../live"', '"/etc"', "partner.model"),
        ('"../live"', '"../whole"', "has a partner of its own"),
        ("share = 0.25", "share = 1.5", "partner.share is 1.5; it must be between 0 and 1"),
        ("share = 0.25", 'share = "much"', "partner.share"),
        ("share = 0.25", "", "share"),
        ('["", "yes", "no", " "]', '["", "no", "yes", " "]', "another front or other labels"),
        ("hop_length = 160", "hop_length = 320", "another front or other labels"),
    ],
)
def test_a_partner_that_does_not_fit_is_one_line(whole, old, new, part):
    card = whole / "card.toml"
    assert old in card.read_text()
    card.write_text(card.read_text().replace(old, new))
    with pytest.raises(ValueError) as caught:
        load(whole)
    assert part in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("live,network", [("live", OFFLINE), ("whole", LIVE)])
def test_only_an_offline_network_has_a_partner_and_only_a_live_one_is_one(tmp_path, live, network):
    kinds = {"live": LIVE, "whole": OFFLINE} | {live: network}
    for name, kind in kinds.items():
        write_model(tmp_path / name, network=kind)
    card = tmp_path / "whole" / "card.toml"
    card.write_text(card.read_text().replace("[labels]", PARTNER))
    with pytest.raises(ValueError, match="wanted a Whole, and a live network beside it"):
        load(tmp_path / "whole")
