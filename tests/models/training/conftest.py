"""Trainings set the count of threads; each test leaves it as it was."""

import pytest
import torch


@pytest.fixture(autouse=True)
def same_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
