from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.utils.logging  # noqa: F401  (imported early, since its handler keeps the stderr at import)
import pytest

from tests.checkpoints.hub import LoopbackHub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    server = LoopbackHub()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.close()


@pytest.fixture
def hub_cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"
