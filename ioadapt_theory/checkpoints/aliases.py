"""Short names for checkpoints, kept as data: `aliases.toml` here, and a user's own file of the same form."""

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ioadapt_theory.checkpoints.files.plain import read_whole
from ioadapt_theory.errors import FileFormatError

MOST_DOTS: Final = 30
"""Dots in a line of a file of short names."""

_FIELDS: Final = {
    "repo": {"revision", "part", "variant", "ema", "note"},
    "path": {"part", "variant", "ema", "note"},
    "package": {"version", "ensemble", "note"},
}
"""The field that says where weights are -> what else it may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """One short name, or what is opened; exactly one of `repo`, `path` and `package` is set. See `aliases.toml`."""

    name: str
    repo: str | None = None
    path: str | None = None
    package: str | None = None
    revision: str | None = None
    part: str | None = None
    variant: str | None = None
    ema: bool | None = None
    version: str = ""
    ensemble: str = ""
    note: str = ""


def load_aliases(own: Path | None = None) -> dict[str, Alias]:
    """Return all short names; a user's file, `own` or what IOADAPT_ALIASES names, may replace ours."""
    own = own or Path(os.environ.get("IOADAPT_ALIASES", ""))
    return _read(Path(__file__).with_name("aliases.toml")) | (_read(own) if own != Path() else {})


def is_repo_id(text: str) -> bool:
    """Whether this can be the id of a repository on the hub: owner/name."""
    return re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", text, re.ASCII) is not None and ".." not in text


def _read(path: Path) -> dict[str, Alias]:
    content = read_whole(path, 200_000)
    if any(line.count(b".") > MOST_DOTS for line in content.splitlines()):  # the parser would take minutes for a key
        msg = f"The aliases in {path} are not TOML: a line has more than {MOST_DOTS} dots."
        raise FileFormatError(msg)
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        msg = f"The aliases in {path} are not TOML: {error}."
        raise FileFormatError(msg) from error
    for name, entry in table.items():
        if problem := _problem(entry):
            msg = f"Alias {name!r} in {path} {problem}."
            raise FileFormatError(msg)
        if "path" in entry:
            entry["path"] = str(path.parent / Path(entry["path"]).expanduser())
    return {name: Alias(name=name, **entry) for name, entry in table.items()}


def _problem(entry: object) -> str | None:
    """Say what is wrong with one entry, or None."""
    if not isinstance(entry, dict) or len(where := [key for key in _FIELDS if key in entry]) != 1:
        return f"has to be a table, [name], with exactly one of {', '.join(_FIELDS)}"
    allowed = {where[0], *_FIELDS[where[0]]}
    if unknown := sorted(entry.keys() - allowed):
        return f"has {unknown[0]!r}; beside {where[0]!r} there may be {', '.join(sorted(allowed - {where[0]}))}"
    for key, value in entry.items():
        wanted = bool if key == "ema" else str
        if type(value) is not wanted or value == "":
            return f"gives {key!r} as {value!r}, which has to be {'true or false' if wanted is bool else 'text'}"
    if not is_repo_id(entry.get("repo", "a/b")):
        return f"has the repo {entry['repo']!r}; it has to be OWNER/NAME"
    return None
