"""Short names for checkpoints, listed in `aliases.toml`."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A source of weights, with exactly one of `repo` (a hub id), `path` (a local file or folder) and `package`.

    ``name`` is the alias, the last part of the hub id, or "" for a path. `aliases.toml` explains the other entries.
    """

    name: str
    repo: str | None = None
    path: str | None = None
    package: str | None = None
    revision: str | None = None
    part: str | None = None
    version: str = ""
    ensemble: str = ""
    note: str = ""


@cache
def load_aliases() -> dict[str, Alias]:
    table = tomllib.loads(Path(__file__).with_name("aliases.toml").read_text(encoding="utf-8"))
    return {name: Alias(name=name, **entry) for name, entry in table.items()}


def is_repo_id(text: str) -> bool:
    return re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", text, re.ASCII) is not None and ".." not in text
