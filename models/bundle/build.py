"""From a folder with a card and weights to a model that runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from streamer.models import imports
from streamer.models.audio.features import LogMel
from streamer.models.audio.resample import RATES_HZ, Resample
from streamer.models.audio.samples import Samples
from streamer.models.bundle.weights import read_weights
from streamer.models.card import Card, Part, Task, beside, read_card
from streamer.models.layers.stage import Chain, Stage
from streamer.models.layers.whole import Whole
from streamer.models.networks.acoustic import AcousticBidirectional, acoustic_gru, acoustic_lstm
from streamer.models.networks.agreement_network import AgreementLive
from streamer.models.networks.composer_network import Composer
from streamer.models.networks.compression_network import CompressLive, CompressOffline
from streamer.models.networks.entity_tagger import EntitiesLive, EntitiesOffline
from streamer.models.networks.headline_network import Headline
from streamer.models.networks.paired_network import Paired
from streamer.models.networks.recurrent_network import RecurrentBidirectional, recurrent
from streamer.models.networks.roll_density import RollDensity
from streamer.models.networks.sentiment_classifier import SentimentLive, SentimentOffline
from streamer.models.networks.translator_live import TranslateLive
from streamer.models.networks.translator_offline import TranslateOffline
from streamer.models.options import built

NETWORKS: dict[str, Callable[..., Stage | Whole]] = {
    "acoustic_lstm": acoustic_lstm,
    "acoustic_gru": acoustic_gru,
    "acoustic_bidirectional": AcousticBidirectional,
    "roll_density": RollDensity,
    "composer": Composer,
    "compress_live": CompressLive,
    "compress_offline": CompressOffline,
    "headline": Headline,
    "translate_live": TranslateLive,
    "translate_offline": TranslateOffline,
    "entities_live": EntitiesLive,
    "entities_offline": EntitiesOffline,
    "sentiment_live": SentimentLive,
    "sentiment_offline": SentimentOffline,
    "agreement_live": AgreementLive,
    "recurrent": recurrent,
    "recurrent_bidirectional": RecurrentBidirectional,
}
SMALL = 1_000_000  # parameters that any card may ask for
LARGEST_SHARE = 8  # parameters for a byte of weights: of a table stored as a product of thin factors
FRONTS: dict[str, Callable[..., Stage]] = {"log_mel": LogMel, "samples": Samples}


@dataclass(frozen=True)
class Model:
    """A network with its weights, and the front that feeds a network of sound at any sample rate."""

    name: str
    card: Card
    folder: Path
    network: Stage | Whole
    allowed: imports.Imports = imports.NONE

    @property
    def rate_hz(self) -> int:
        """The sample rate that the front's features are made at."""
        return self._front.options["sample_rate_hz"]

    @property
    def steps_per_output(self) -> Fraction:
        """Samples at the card's rate that one output row stands for."""
        return 1 / (self.front(self.rate_hz).ratio * self.network.ratio)

    def front(self, rate_hz: int) -> Stage:
        """Samples [B, n, 1] at `rate_hz` -> features [B, m, C]. ValueError for an unsupported rate."""
        part = self._front
        features = _made("front", part.architecture, FRONTS, (Stage,), part.options, self.allowed)
        if not isinstance(features, Stage) or features.in_features != 1:
            raise ValueError(f"front.architecture {part.architecture!r} is no Stage of one input feature")
        if rate_hz != self.rate_hz:
            features = Chain(Resample(rate_hz, self.rate_hz, features.block), features)
        return features.eval().requires_grad_(False)

    @property
    def _front(self) -> Part:
        assert self.card.front is not None, "only a model of sound has a front"
        return self.card.front


def load(folder: Path, allowed: imports.Imports = imports.NONE, weights: Path | None = None) -> Model:
    """The model in `folder`, on the CPU, in float32, with `weights` of another file where they are given.

    `allowed` says which import paths the card may name. ValueError, one line, for a card or weights
    that don't fit.
    """
    card = _with_task(folder, read_card(folder), allowed)
    if card.front and card.front.options.get("sample_rate_hz") not in RATES_HZ:
        supported = ", ".join(str(rate) for rate in RATES_HZ)
        raise ValueError(f"{folder / 'card.toml'}: front.sample_rate_hz must be one of {supported}")
    options = card.network.options
    if options.get("outputs", card.outputs) != card.outputs:
        raise ValueError(
            f"{folder / 'card.toml'}: network.outputs is {options['outputs']} "
            f"and the labels count {card.outputs}; make them equal or leave it out"
        )
    weights = weights or folder / "weights.safetensors"
    try:
        if card.network.architecture in NETWORKS:
            _check_size(card.network.architecture, options | {"outputs": card.outputs}, weights)
        network = build_network(card.network.architecture, options | {"outputs": card.outputs}, allowed)
        model = Model(card.name, card, folder, network, allowed)
        features = model.front(model.rate_hz) if card.front else None
    except ValueError as error:
        raise ValueError(f"{folder / 'card.toml'}: {error}") from None
    if features and features.out_features != network.in_features:
        raise ValueError(
            f"{folder / 'card.toml'}: the front gives {features.out_features} features "
            f"and the network takes {network.in_features}; make them equal"
        )
    if network.out_features != card.outputs:
        raise ValueError(
            f"{folder / 'card.toml'}: the network gives {network.out_features} outputs "
            f"and the labels count {card.outputs}; make them equal"
        )
    network.load_state_dict(read_weights(weights, network.state_dict()))
    network.eval().requires_grad_(False)
    return replace(model, network=_paired(network, card, folder, allowed)) if card.partner else model


def _paired(network: Stage | Whole, card: Card, folder: Path, allowed: imports.Imports) -> Whole:
    """`network` together with the one of the card's partner. ValueError where they don't fit."""
    assert card.partner is not None
    path = folder / "card.toml"
    try:
        home = beside(folder, f"{card.partner.model}/card.toml", "partner.model").parent
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    written = read_card(home)
    if written.partner:
        raise ValueError(f"{path}: partner.model {card.partner.model!r} has a partner of its own")
    if written.front != card.front or written.labels != card.labels:
        raise ValueError(f"{path}: partner.model {card.partner.model!r} has another front or other labels")
    other = load(home, allowed).network
    if not (isinstance(network, Whole) and isinstance(other, Stage)):
        raise ValueError(f"{path}: partner: wanted a Whole, and a live network beside it")
    try:
        pair = Paired(network, other, [len(head) for head in card.labels.values()], card.partner.share)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return pair.eval()


def build_network(
    architecture: str, options: dict[str, Any], allowed: imports.Imports = imports.NONE
) -> Stage | Whole:
    """The network named `architecture` with fresh weights.

    A name of `NETWORKS`, or "package.module:Class" where it is `allowed`.
    ValueError for an unknown name, an option that it doesn't have or one of the wrong type.
    """
    network = _made("network", architecture, NETWORKS, (Stage, Whole), options, allowed)
    if not isinstance(network, Stage | Whole):
        raise ValueError(f"network.architecture {architecture!r} is neither a Stage nor a Whole")
    return network


def _check_size(architecture: str, options: dict[str, Any], weights: Path) -> None:
    """ValueError for a network far larger than its weights: a card must not take the machine's memory."""
    with torch.device("meta"), _Unfilled():
        parameters = sum(p.numel() for p in build_network(architecture, options).parameters())
    if weights.is_file() and parameters > SMALL + LARGEST_SHARE * weights.stat().st_size:
        raise ValueError(f"network: {parameters} parameters, for weights of {weights.stat().st_size} bytes")


class _Unfilled(TorchFunctionMode):
    """Leaves tensors without memory as they are: to fill or copy one torch imports its compiler, 1.4 s."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.clone or getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def _made(
    table: str,
    name: str,
    ours: Mapping[str, Callable[..., Any]],
    kinds: tuple[type, ...],
    options: dict[str, Any],
    allowed: imports.Imports,
) -> Any:
    """What the card's `table` names, built with its options: one of `ours`, or one by its import path.

    A class of none of the `kinds` is refused before its options are looked at.
    """
    key = f"{table}.architecture"
    if name in ours:
        return built(table, name, ours[name], options)
    if not imports.is_import_path(name):
        raise ValueError(
            f"{key} {name!r} is unknown; there are {', '.join(ours)}, and package.module:Class of your own"
        )
    make = allowed.callable_named(key, name)
    if isinstance(make, type) and not issubclass(make, kinds):
        raise ValueError(f"{key} {name!r} is no {' and no '.join(kind.__name__ for kind in kinds)}")
    return imports.called(key, name, lambda: built(table, name, make, options))


def _with_task(folder: Path, card: Card, allowed: imports.Imports) -> Card:
    """`card` with the name of its task, where it has the import path of a `Task`."""
    if not imports.is_import_path(card.task):
        return card
    try:
        task = allowed.named("task", card.task)
        if not isinstance(task, Task):
            raise ValueError(f"task {card.task!r} is no streamer.models.card.Task")
        imports.called("task", card.task, lambda: task.check(card))
    except ValueError as error:
        raise ValueError(f"{folder / 'card.toml'}: {error}") from None
    return msgspec.structs.replace(card, task=task.name)
