"""Shared by all tests: one thread, so that the suite leaves the machine usable."""

import torch

torch.set_num_threads(1)
