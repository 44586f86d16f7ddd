"""The loopback hub of the checkpoints' tests."""

from tests.checkpoints.conftest import hub, hub_cache

__all__ = ["hub", "hub_cache"]
