"""Shared by all tests: one thread, so that the suite leaves the machine usable; what many of them read."""

import pytest
import torch

from tests.tiny_language import write_language, write_sounds

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def language(tmp_path_factory):
    """The folder of a lexicon and a language model of six words and two pieces, and how letters sound."""
    path = tmp_path_factory.mktemp("language")
    write_language(path)
    write_sounds(path)
    return path
