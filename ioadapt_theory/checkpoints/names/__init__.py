"""Naming schemes of layers, and the search for a model's layers to which a name refers. `names.toml` has the tables."""

import tomllib
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("names.toml")
TABLES: Final[dict[str, dict[str, Any]]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
