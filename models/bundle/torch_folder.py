"""A model's folder from a state_dict that torch wrote."""

import json
from pathlib import Path

from safetensors.torch import save

from streamer.models.bundle.build import build_network
from streamer.models.bundle.catalog import CARD
from streamer.models.bundle.torch_weights import Imported, from_torch
from streamer.models.bundle.weights import fitting, read_tensors
from streamer.models.card import read_card
from streamer.output_file import write_bytes, write_text

PICKLE = b"PK"  # how a file of torch.save begins: it is a zip
TEMPLATE = """\
name = {name}
task = "commands"
description = ""
licence = ""
command = {command}

[front]  # a guess: what the network was trained on
architecture = "log_mel"
sample_rate_hz = 16000
n_mels = {in_features}
n_fft = 512
hop_length = 160

[network]
architecture = "{architecture}"
{options}

[reader]
kind = "argmax"
row_ms = 10

[labels]  # a guess: one for each output; "" is never emitted
words = {labels}
"""


def import_torch(weights: Path, folder: Path) -> bool:
    """Write the state_dict in the safetensors file `weights` to the model's folder `folder`, under our names.

    A folder without a card gets one, whose front and labels are guesses to be edited; then the result is
    True. A card that is there must describe the network. ValueError, one line, for tensors that
    `from_torch` refuses or that don't fit.
    """
    with weights.open("rb") as file:
        if file.read(len(PICKLE)) == PICKLE:
            raise ValueError(
                f"{weights}: a pickle, which may run code; save it with safetensors.torch.save_file"
            )
    tensors = read_tensors(weights)
    try:
        imported = from_torch(tensors)
    except ValueError as error:
        raise ValueError(f"{weights}: {error}") from None
    new = not (folder / CARD).exists()
    architecture, options = imported.architecture, imported.options | {"outputs": imported.outputs}
    if not new:
        card = read_card(folder)
        architecture, options = card.network.architecture, card.network.options | {"outputs": card.outputs}
        if architecture != imported.architecture:
            raise ValueError(
                f"{folder / CARD}: network.architecture is {architecture!r}; "
                f"{weights} holds a {imported.architecture!r}"
            )
    own = fitting(weights, imported.weights, build_network(architecture, options).state_dict())
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / "weights.safetensors", save({name: t.contiguous() for name, t in own.items()}))
    if new:
        write_text(folder / CARD, _card(weights, folder, imported))
    return new


def _card(weights: Path, folder: Path, imported: Imported) -> str:
    return TEMPLATE.format(
        name=json.dumps(folder.resolve().name),
        command=json.dumps(f"streamer import-torch {weights.name} {folder.name}"),
        in_features=imported.options["in_features"],
        architecture=imported.architecture,
        options="\n".join(f"{key} = {json.dumps(value)}" for key, value in imported.options.items()),
        labels=json.dumps([str(number) for number in range(imported.outputs)]),
    )
