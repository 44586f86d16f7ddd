"""Mathematics is tested in float64, on one thread, from a fixed seed."""

import signal
from collections.abc import Iterator

import pytest
import torch

from tests.browser import browse, chromium  # noqa: F401  (fixtures for all tests)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it


@pytest.fixture(autouse=True)
def _float64_one_thread_fixed_seed() -> Iterator[None]:
    torch.set_num_threads(1)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)
