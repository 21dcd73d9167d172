"""Weights that torch trained give here what they gave there."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from streamer.models.bundle.build import load
from streamer.models.bundle.torch_folder import import_torch
from streamer.models.card import read_card

FEATURES, OUTPUTS, STEPS = 6, 3, 50
SAME = 1e-6
KINDS = {
    "lstm": lambda: nn.LSTM(FEATURES, 5, batch_first=True),
    "gru": lambda: nn.GRU(FEATURES, 5, batch_first=True),
    "rnn": lambda: nn.RNN(FEATURES, 5, batch_first=True),
    "deep lstm": lambda: nn.LSTM(FEATURES, 5, num_layers=3, batch_first=True),
    "deep gru": lambda: nn.GRU(FEATURES, 5, num_layers=2, batch_first=True),
    "projected lstm": lambda: nn.LSTM(FEATURES, 5, num_layers=2, proj_size=4, batch_first=True),
    "lstm without bias": lambda: nn.LSTM(FEATURES, 5, num_layers=2, bias=False, batch_first=True),
    "gru without bias": lambda: nn.GRU(FEATURES, 5, bias=False, batch_first=True),
}
BOTH_WAYS = {
    "bidirectional lstm": lambda: nn.LSTM(FEATURES, 5, num_layers=2, bidirectional=True, batch_first=True),
    "bidirectional gru": lambda: nn.GRU(FEATURES, 5, bias=False, bidirectional=True, batch_first=True),
    "bidirectional projected lstm": lambda: nn.LSTM(
        FEATURES, 5, num_layers=2, proj_size=4, bidirectional=True, batch_first=True
    ),
}


class Spotter(nn.Module):
    """As a user writes it in torch."""

    def __init__(self, recurrent: nn.RNNBase, head: bool = True):
        super().__init__()
        self.recurrent = recurrent
        with torch.no_grad():
            width = recurrent(torch.zeros(1, 1, FEATURES))[0].shape[-1]
        self.out = nn.Linear(width, OUTPUTS) if head else nn.Identity()

    def forward(self, x):
        return self.out(self.recurrent(x)[0])


def imported(tmp_path, module):
    save_file(module.state_dict(), tmp_path / "torch.safetensors")
    assert import_torch(tmp_path / "torch.safetensors", tmp_path / "model")
    return load(tmp_path / "model").network


@pytest.mark.parametrize("head", [True, False], ids=["head", "no head"])
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_live_networks(tmp_path, kind, head):
    torch.manual_seed(1)
    spotter, x = Spotter(KINDS[kind](), head).eval(), torch.randn(2, STEPS, FEATURES)
    network, wanted = imported(tmp_path, spotter), spotter(x)
    assert (network(x) - wanted).abs().max() <= SAME
    for size in (1, 7, STEPS):
        state, outputs = network.initial_state(2), []
        for chunk in x.split(size, dim=1):
            y, state = network.step(chunk, state)
            outputs.append(y)
        assert (torch.cat(outputs, dim=1) - wanted).abs().max() <= SAME


@pytest.mark.parametrize("kind", BOTH_WAYS)
@torch.inference_mode()
def test_networks_of_both_directions(tmp_path, kind):
    torch.manual_seed(2)
    spotter, x = Spotter(BOTH_WAYS[kind]()).eval(), torch.randn(2, STEPS, FEATURES)
    network = imported(tmp_path, spotter)
    lengths = torch.tensor([STEPS, 20])
    y = network(x, lengths)
    assert (y[:1] - spotter(x[:1])).abs().max() <= SAME
    assert (y[1, :20] - spotter(x[1:, :20])[0]).abs().max() <= SAME


def test_a_card_that_is_there_stays_and_must_fit(tmp_path):
    imported(tmp_path, Spotter(nn.GRU(FEATURES, 5)))
    weights, card = tmp_path / "torch.safetensors", tmp_path / "model" / "card.toml"
    edited = card.read_text().replace('["0", "1", "2"]', '["", "yes", "no"]')
    card.write_text(edited)
    assert not import_torch(weights, tmp_path / "model")
    assert card.read_text() == edited
    assert read_card(tmp_path / "model").labels == {"words": ["", "yes", "no"]}
    save_file(Spotter(nn.GRU(FEATURES, 4)).state_dict(), weights)
    before = (tmp_path / "model" / "weights.safetensors").read_bytes()
    with pytest.raises(ValueError, match="torch.safetensors: .* has shape .*; the card describes"):
        import_torch(weights, tmp_path / "model")
    save_file(Spotter(nn.GRU(FEATURES, 5, bidirectional=True)).state_dict(), weights)
    with pytest.raises(ValueError, match="network.architecture is 'recurrent'"):
        import_torch(weights, tmp_path / "model")
    assert (tmp_path / "model" / "weights.safetensors").read_bytes() == before


def test_a_pickle_is_not_read(tmp_path):
    torch.save({}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="w.pt: a pickle, .*save_file"):
        import_torch(tmp_path / "w.pt", tmp_path / "model")


GRU = nn.GRU(FEATURES, 5, num_layers=2).state_dict()


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({"out.weight": torch.zeros(3, 5)}, "wanted the weights of one nn.LSTM.* there are none"),
        ({f"{m}.{k}": v for m in "ab" for k, v in GRU.items()}, "there are a, b"),
        ({k: v for k, v in GRU.items() if k != "weight_hh_l0"}, "weight_hh_l0 is missing"),
        ({k: v for k, v in GRU.items() if k != "weight_hh_l1"}, "weight_hh_l1 is missing"),
        (GRU | {"weight_ih_l0": torch.zeros(7, 6)}, "has 7 rows for 5 units"),
        (GRU | {"weight_ih_l1": torch.zeros(15, 9)}, "has shape"),
        (GRU | {"conv.weight": torch.zeros(3, 5, 2)}, "conv.weight: only one recurrent module"),
        (GRU | {"norm.weight": torch.zeros(5), "norm.bias": torch.zeros(5)}, "only one recurrent module"),
        (GRU | {"out.weight": torch.zeros(3, 9)}, "takes 9 features; the last layer gives 5"),
        (GRU | {"bias_ih_l0": torch.full((15,), torch.nan)}, "not finite"),
    ],
)
def test_other_weights_are_refused_in_one_line(tmp_path, tensors, told):
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=told) as caught:
        import_torch(tmp_path / "w.safetensors", tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "model").exists()
