"""Naming schemes of layers, and the search for a model's layers to which a name refers. `names.toml` has the tables."""

import tomllib
from pathlib import Path
from typing import Any, Final

TABLES: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("names.toml").read_text(encoding="utf-8")
)
