"""Layers' names in every spelling that is known, and which layer of a model one of them means; `names.toml` is data."""

import tomllib
from pathlib import Path
from typing import Any, Final

TABLES: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("names.toml").read_text(encoding="utf-8")
)
