"""Fixtures: float64, one thread and a fixed seed for all tests; tests with a browser are marked slow."""

import os
import random
import signal
from collections.abc import Iterator

import pytest
import torch

from tests.browser import browse, chromium  # noqa: F401  (fixtures for all tests)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes start without it


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests with a browser as slow; with ``SAMPLE=0.05:7``, run this share in the random order of seed 7."""
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
