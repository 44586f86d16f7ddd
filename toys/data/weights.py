"""Checks of SHA-256 digests, to ensure that packages ship the weights that the studies used."""

import hashlib
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from ioadapt_theory.errors import IoAdaptError

FILE: Final = Path(__file__).with_suffix(".toml")


class ChangedWeightsError(IoAdaptError, ValueError):
    """Error: the weights that a package ships differ from those that a study used."""


class MissingPackageError(IoAdaptError, ImportError):
    """Error: a package whose weights or images a study reads is not installed."""

    def __init__(self, package: str, install: str) -> None:
        super().__init__(f"{package}, which ships what this study reads, is not installed; run {install}.")


def installed(package: str, inside: str, install: str) -> Path:
    """Return the path of ``inside`` of an installed package; if there is none, ``install`` is the command to run.

    Raises:
        MissingPackageError: the package is not installed.
    """
    try:
        return Path(str(distribution(package).locate_file(inside)))
    except PackageNotFoundError:
        raise MissingPackageError(package, install) from None


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
