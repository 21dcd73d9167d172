"""Shared by all tests: one thread, so that the suite leaves the machine usable; what many of them read."""

import os
import tempfile

import pytest
import torch

from tests.tiny_language import write_language, write_sounds

torch.set_num_threads(1)
# Servers keep the keys of their checkpoints in the user's folder for such things: not in the tester's own.
STATE = tempfile.TemporaryDirectory(prefix="streamer-state-")
os.environ["XDG_STATE_HOME"] = STATE.name


def pytest_addoption(parser):
    text = "How many forged checkpoints a server is given."
    parser.addoption("--forgeries", type=int, default=2000, metavar="N", help=text)


@pytest.fixture(scope="session")
def forgeries(pytestconfig) -> int:
    """How many forged checkpoints a server is given."""
    return pytestconfig.getoption("--forgeries")


@pytest.fixture(scope="session")
def language(tmp_path_factory):
    """The folder of a lexicon and a language model of six words and two pieces, and how letters sound."""
    path = tmp_path_factory.mktemp("language")
    write_language(path)
    write_sounds(path)
    return path
