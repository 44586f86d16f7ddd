from tests.checkpoints.conftest import hub, hub_cache

__all__ = ["hub", "hub_cache"]
