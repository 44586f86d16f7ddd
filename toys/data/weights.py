"""Checks of SHA-256 digests, to ensure that packages ship the weights that the studies used."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from ioadapt_theory.errors import IoAdaptError

FILE: Final = Path(__file__).with_suffix(".toml")


class ChangedWeightsError(IoAdaptError, ValueError):
    """Error: the weights that a package ships differ from those that a study used."""


@cache
def verified(path: Path, package: str) -> Path:
    """Return the path of a file or folder of weights after comparing its digest with the known digest.

    Args:
        path: the file or folder; the digest of a folder covers all its files.
        package: the package that ships the weights; it and the path's name form the key in ``weights.toml``.

    Raises:
        ChangedWeightsError: the digest differs.
    """
    known, found = tomllib.loads(FILE.read_text(encoding="utf-8"))[package][path.name], digest(path)
    if found != known:
        msg = f"{path} has the SHA-256 digest {found}, but in the study it was {known}; reinstall {package}."
        raise ChangedWeightsError(msg)
    return path


def digest(path: Path) -> str:
    """Return the SHA-256 digest of a file, or of the names and digests of all files in a folder, in hexadecimal."""
    if path.is_file():
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    files = sorted(p for p in path.rglob("*") if p.is_file())
    lines = (f"{digest(p)}  {p.relative_to(path).as_posix()}\n" for p in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
