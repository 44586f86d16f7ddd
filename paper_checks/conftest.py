"""The checks of the paper's statements run in one thread, so that sums are formed in the same order everywhere."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
