"""What a model's results rest on, as one number: a state that was saved suits the same model alone."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from streamer.models.card import Card

STATE_VERSION = 1  # raised where the states of the same model change their meaning
DIGEST_BYTES = 32


def bundle_digest(card: Card, folder: Path, dtype: str) -> bytes:
    """The digest of the model in `folder`: how it is built, its weights, the files that its card names.

    `dtype` is that of its products. Scores, data and descriptions don't matter.
    """
    parts = (card.front, card.network, card.reader, card.feeder, card.labels)
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    digest.update(msgspec.json.encode([STATE_VERSION, dtype, parts]))
    for path in [folder / "weights.safetensors", *_named(folder, msgspec.to_builtins(parts))]:
        with path.open("rb") as file:
            # Each file by itself: what ends one never begins the next.
            digest.update(hashlib.file_digest(file, hashlib.blake2b).digest())
    return digest.digest()


def _named(folder: Path, value: Any) -> Iterator[Path]:
    """The files that `value` names beside the card, in order."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _named(folder, part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _named(folder, part)
    elif isinstance(value, str) and value and (path := folder / value).is_file():
        yield path
