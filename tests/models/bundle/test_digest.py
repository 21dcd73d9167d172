"""The digest of a model: the same for the same, another for anything that results rest on."""

import shutil

import msgspec
import pytest

from streamer.models.bundle import catalog
from streamer.models.bundle.digest import DIGEST_BYTES, bundle_digest
from streamer.models.card import read_card


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(catalog.zoo()["sentiment-en"], tmp_path / "model")


def digest(folder, dtype: str = "float32", **changes) -> bytes:
    return bundle_digest(msgspec.structs.replace(read_card(folder), **changes), folder, dtype)


def test_every_shipped_model_has_its_own():
    digests = [bundle_digest(read_card(path), path, "float32") for path in catalog.zoo().values()]
    assert len(set(digests)) == len(digests) and {len(d) for d in digests} == {DIGEST_BYTES}


def test_it_rests_on_weights_files_options_labels_and_dtype(folder):
    before = digest(folder)
    assert digest(folder) == before
    assert digest(folder, scores={}, data=[], description="another", name="renamed") == before
    assert digest(folder, "bfloat16") != before
    assert digest(folder, labels={"classes": ["a"]}) != before
    for name in ("weights.safetensors", "words.txt"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert digest(folder) != before, name
        (folder / name).write_bytes(content)
    assert digest(folder) == before
