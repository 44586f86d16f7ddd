"""Short names for checkpoints, kept as data: `aliases.toml` here, and a user's own file of the same form."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.files.plain import read_whole
from ioadapt_theory.errors import FileFormatError

BUILT_IN: Final = Path(__file__).with_name("aliases.toml")

MOST_DOTS: Final = 30
"""Dots in a line of a file of short names."""

_COMMON: Final = frozenset({"note"})
_FIELDS: Final = {
    "repo": frozenset({"subfolder", "file", "revision", "variant", "ema"}),
    "package": frozenset({"version", "files", "ensemble"}),
    "path": frozenset({"component", "variant", "ema"}),
}
"""The field that says where weights are -> what else it may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """One short name; exactly one of `repo`, `package` and `path` is set."""

    name: str
    repo: str | None = None
    subfolder: str | None = None
    file: str | None = None
    revision: str | None = None
    variant: str | None = None
    package: str | None = None
    version: str | None = None
    files: str | None = None
    ensemble: str | None = None
    path: str | None = None
    component: str | None = None
    ema: bool | None = None
    note: str = ""


def load_aliases(own: Path | None = None) -> dict[str, Alias]:
    """Return all short names; those of the user's file `own` may replace ours.

    Raises:
        SourceError: If the file cannot be read.
        FileFormatError: If it is not TOML, or an entry is not what it has to be; with file, entry and way out.
    """
    return _read(BUILT_IN) | (_read(own) if own is not None else {})


def is_repo_id(text: str) -> bool:
    """Whether this can be the id of a repository on the hub: owner/name."""
    return re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", text, re.ASCII) is not None and ".." not in text


def _read(path: Path) -> dict[str, Alias]:
    try:
        content = read_whole(path, 200_000)
    except SourceError as error:
        reason = getattr(error.__cause__, "strerror", None) or error
        msg = f"Cannot read the aliases in {path}: {str(reason).rstrip('.')}."
        raise SourceError(msg) from error
    if any(line.count(b".") > MOST_DOTS for line in content.splitlines()):  # the parser would take minutes for a key
        msg = f"The aliases in {path} are not TOML: a line has more than {MOST_DOTS} dots."
        raise FileFormatError(msg)
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        msg = f"The aliases in {path} are not TOML: {error}."
        raise FileFormatError(msg) from error
    return {name: _alias(name, entry, path) for name, entry in table.items()}


def _alias(name: str, entry: object, path: Path) -> Alias:
    if problem := _problem(name, entry):
        msg = f"Alias {name!r} in {path} {problem}."
        raise FileFormatError(msg)
    known: dict[str, Any] = dict(entry)  # type: ignore[call-overload]
    if "path" in known:
        known["path"] = str(path.parent / Path(known["path"]).expanduser())
    return Alias(name=name, **known)


def _problem(name: str, entry: object) -> str | None:
    """Say what is wrong with one entry, or None."""
    if not re.fullmatch(r"[\w.-]+", name):
        return "has characters other than letters, digits, '.', '_' and '-'"
    if not isinstance(entry, dict):
        return "is no table: write [name] above repo = ..., package = ... or path = ..."
    where = [key for key in _FIELDS if key in entry]
    if len(where) != 1:
        return f"has to say where its weights are by exactly one of {', '.join(_FIELDS)}; it has {len(where)} of them"
    allowed = _FIELDS[where[0]] | _COMMON | {where[0]}
    if unknown := sorted(set(entry) - allowed):
        return f"has {unknown[0]!r}; beside {where[0]!r} there may be {', '.join(sorted(allowed - {where[0]}))}"
    for key, value in entry.items():
        wanted = bool if key == "ema" else str
        if type(value) is not wanted or value == "":
            return f"gives {key!r} as {value!r}, where a {'true or false' if wanted is bool else 'text'} has to stand"
    if "repo" in entry and not is_repo_id(entry["repo"]):
        return f"has the repo {entry['repo']!r}; it has to be OWNER/NAME"
    if "package" in entry and ("files" in entry) == ("ensemble" in entry):
        return "has to have exactly one of files and ensemble"
    return None
