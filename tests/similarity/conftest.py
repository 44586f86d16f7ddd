"""The loopback hub from the tests of checkpoints."""

from tests.checkpoints.conftest import hub, hub_cache

__all__ = ["hub", "hub_cache"]
