"""Fixtures: float64, one thread and a fixed seed for all tests; tests with a browser are marked slow."""

import os
import random
import signal
from collections.abc import Iterator

import pytest
import torch

from tests.browser import browse, chromium  # noqa: F401  (fixtures for all tests)

signal.signal(signal.SIGINT, signal.default_int_handler)  # background processes of a shell ignore SIGINT by default


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests with a browser as slow; SAMPLE=0.05:7 keeps 5 % of the tests, drawn with seed 7, in random order."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    if sample := os.environ.get("SAMPLE"):
        share, _, seed = sample.partition(":")
        drawn = random.Random(seed)
        kept = drawn.sample(items, round(float(share) * len(items)))
        left = set(items) - set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item in left])
        items[:] = kept


@pytest.fixture(autouse=True)
def _float64_one_thread_fixed_seed(request: pytest.FixtureRequest) -> Iterator[None]:
    torch.set_num_threads(1)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def float32(_float64_one_thread_fixed_seed: None) -> None:
    """Set the default dtype of users, until the test ends."""
    torch.set_default_dtype(torch.float32)
